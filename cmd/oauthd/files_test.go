package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// pathFunctions are the functions of packages os and syscall that open or change a file by its path, wherever that
// leads. Outside ipc/own, which proves the directory or checks the file, they have no place.
var pathFunctions = []string{
	"Open", "OpenFile", "OpenRoot", "OpenInRoot", "Create", "CreateTemp", "ReadFile", "WriteFile", "Truncate", "Rename", "Link", "Symlink",
	"Mkdir", "MkdirAll", "MkdirTemp", "Remove", "RemoveAll", "Chmod", "Chown", "Lchown", "Chtimes", "CopyFS", "DirFS", "Unlink",
}

// mayUsePaths are the files that use them all the same, and which.
var mayUsePaths = map[string]struct {
	functions []string
	why       string
}{
	"cmd/oauthd/demo.go":                  {[]string{"MkdirTemp", "RemoveAll"}, "a directory of its own for one run"},
	"cmd/oauthd/controlling.go":           {[]string{"OpenFile"}, "/dev/tty"},
	"cmd/oauthd/secretfile.go":            {[]string{"Open"}, "a descriptor that the shell has opened"},
	"cmd/oauthd/process/process_linux.go": {[]string{"ReadFile"}, "/proc"},
	"cmd/oauthd/process/rest_linux.go":    {[]string{"Open"}, "/proc"},
	"redirect/holder_linux.go":            {[]string{"Open", "ReadFile"}, "/proc"},
	"ipc/peer/tcp_linux.go":               {[]string{"Open"}, "/proc"},
	"ipc/quick/arguments_linux.go":        {[]string{"Open"}, "/proc"},
	"ipc/benchtest/benchtest.go":          {[]string{"MkdirTemp", "RemoveAll"}, "for tests"},
	"keystore/storetest/bus.go":           {[]string{"WriteFile", "MkdirTemp", "RemoveAll", "Mkdir"}, "for tests"},
	"cmd/oauthd/approve.go":               {[]string{"OpenFile"}, "the terminal"},
	"ipc/peer/proc_linux.go":              {[]string{"Open"}, "/proc"},
}

// pathUses returns the functions that open or change a file by its path in one file of source, by any name its imports
// have.
func pathUses(file *ast.File) (found []string) {
	packages := map[string]bool{}
	for _, spec := range file.Imports {
		imported := strings.Trim(spec.Path.Value, `"`)
		if !slices.Contains([]string{"os", "syscall", "io/ioutil", "golang.org/x/sys/unix"}, imported) {
			continue
		}
		name := path.Base(imported)
		if spec.Name != nil {
			name = spec.Name.Name
		}
		packages[name] = true
	}
	ast.Inspect(file, func(n ast.Node) bool {
		selector, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if from, ok := selector.X.(*ast.Ident); ok && packages[from.Name] && slices.Contains(pathFunctions, selector.Sel.Name) {
			found = append(found, selector.Sel.Name)
		}
		return true
	})
	return found
}

// TestFilesAreOpenedByOneRoom keeps a whole kind of fault out: a file that is opened, made, emptied or trusted where
// another user could have put something else.
func TestFilesAreOpenedByOneRoom(t *testing.T) {
	root := moduleRoot(t)
	used := map[string][]string{}
	for _, source := range sources(t, root) {
		if path.Dir(source.path) == "ipc/own" {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, filepath.FromSlash(source.path)), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		if found := pathUses(parsed); len(found) > 0 {
			used[source.path] = found
		}
	}
	for at, functions := range used {
		for _, function := range functions {
			if !slices.Contains(mayUsePaths[at].functions, function) {
				t.Errorf("%s: %s takes a path wherever it leads; use oauthd/ipc/own", at, function)
			}
		}
	}
	for at, may := range mayUsePaths {
		for _, function := range may.functions {
			if !slices.Contains(used[at], function) {
				t.Errorf("%s: %s (%s) is allowed and not used", at, function, may.why)
			}
		}
	}
}

func TestPathUsesAreFound(t *testing.T) {
	for source, want := range map[string]string{
		`import "os"; var _, _ = os.ReadFile("x")`:                        "[ReadFile]",
		`import o "os"; var f = o.Rename`:                                 "[Rename]",
		`import "syscall"; var _, _ = syscall.Open("x", 0, 0)`:            "[Open]",
		`import "golang.org/x/sys/unix"; var _ = unix.Unlink("x")`:        "[Unlink]",
		`import "os"; var _, _ = os.Getwd()`:                              "[]",
		`import "oauthd/ipc/own"; var _, _ = own.Open("x")`:               "[]",
		`import "os"; type t struct{ os *os.File }; func (x t) Open() {}`: "[]",
	} {
		parsed, err := parser.ParseFile(token.NewFileSet(), "x.go", "package x; "+source, 0)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(pathUses(parsed)); got != want {
			t.Errorf("%s: got %s, want %s", source, got, want)
		}
	}
}
