package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// bypasses returns one line for each expression of a file that reaches a terminal without a screen.
func bypasses(name string, file *ast.File) (found []string) {
	// Why: a token and the keychain child's protocol are for programs; the prompts, the demo's titles and the colours of a log
	// on a terminal are ours, and what is a stranger's beside them is filtered by itself. The streams of a program that exec
	// runs are its own. Styles and spinners are ours, on text that has been filtered, as is help. The bridge's messages are
	// for a program, which gets them unchanged; a terminal does not.
	around := []string{"main.go", "doctor.go", "helper.go", "help.go", "completion.go", "root.go", "mcp.go",
		"token.go", "become_windows.go", "emulate_unix.go", "servestore.go", "waiting.go", "demo.go", "logfile.go"}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			pkg, ok := n.X.(*ast.Ident)
			if ok && pkg.Name == "os" && (n.Sel.Name == "Stdout" || n.Sel.Name == "Stderr") && name != "main.go" {
				found = append(found, fmt.Sprintf("%s uses os.%s", name, n.Sel.Name))
			}
			if ok && pkg.Name == "fmt" && slices.Contains([]string{"Print", "Printf", "Println"}, n.Sel.Name) {
				found = append(found, fmt.Sprintf("%s uses fmt.%s", name, n.Sel.Name))
			}
		case *ast.CallExpr:
			if f, ok := n.Fun.(*ast.SelectorExpr); ok && f.Sel.Name == "Raw" && !slices.Contains(around, name) {
				found = append(found, name+" goes around the screen")
			}
		}
		return true
	})
	return found
}

func TestNothingGoesAroundTheScreen(t *testing.T) {
	names, err := filepath.Glob("*.go")
	if err != nil || len(names) == 0 {
		t.Fatalf("got %d files, error %v", len(names), err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range bypasses(name, file) {
			t.Errorf("%s: what it prints may be a stranger's text; use stdio, as it is", found)
		}
	}
}

func TestBypassesAreSeen(t *testing.T) {
	for _, test := range []struct {
		name, file, expression string
		want                   int
	}{
		{"standard error", "login.go", "fmt.Fprintln(os.Stderr)", 1},
		{"standard output by name", "login.go", "fmt.Println()", 1},
		{"around the screen", "login.go", "fmt.Fprintln(screen.Raw(std.out))", 1},
		{"a token", "token.go", "fmt.Fprintln(screen.Raw(w), text)", 0},
		{"as it should be", "login.go", "fmt.Fprintln(std.err)", 0},
		{"the screen's own", "main.go", "run(os.Stdout, os.Stderr)", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			source := "package main\n\nfunc f() { " + test.expression + " }\n"
			file, err := parser.ParseFile(token.NewFileSet(), test.file, source, 0)
			if err != nil {
				t.Fatal(err)
			}
			if got := bypasses(test.file, file); len(got) != test.want {
				t.Errorf("got %q, want %d", got, test.want)
			}
		})
	}
}
