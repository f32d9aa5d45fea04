package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A pattern is an import path, one that ends in /... and stands for all below it too, or ... for everything.
type pattern string

func (p pattern) matches(importPath string) bool {
	if p == anything {
		return true
	}
	prefix, all := strings.CutSuffix(string(p), "/...")
	return importPath == prefix || all && strings.HasPrefix(importPath, prefix+"/")
}

// ban is one row of the table of rooms: what a package, or each of those below one, must never import.
type ban struct {
	pkg   string
	never []pattern
	but   []pattern
	// files are exempt.
	files []string
}

const (
	ours   = pattern("oauthd/...")
	oauth2 = pattern("golang.org/x/oauth2/...")

	anything = pattern("...")
)

func bans() []ban {
	return []ban{
		{
			pkg:   "cmd/oauthd",
			never: []pattern{"oauthd/daemon/...", "oauthd/keystore/...", "oauthd/redirect/..."},
			files: []string{"serve.go", "servestore.go", "demo.go", "keystore.go"},
		},
		{
			pkg:   "cmd/oauthd/oauthd-helper",
			never: []pattern{anything},
			but:   []pattern{"oauthd/ipc/quick", "os", "syscall"},
			files: []string{"run_windows.go"},
		},
		{pkg: "ipc/api", never: []pattern{ours}},
		{pkg: "ipc/client", never: []pattern{"oauthd/daemon/...", "oauthd/keystore/...", "oauthd/ipc"}},
		{pkg: "cmd/oauthd/screen", never: []pattern{ours}, but: []pattern{"oauthd/ipc/api"}},
		{pkg: "cmd/oauthd/machine", never: []pattern{ours}, but: []pattern{"oauthd/ipc/api"}},
		{pkg: "cmd/oauthd/process", never: []pattern{ours}},
		{pkg: "cmd/oauthd/ask", never: []pattern{ours}, but: []pattern{"oauthd/cmd/oauthd/screen", "oauthd/ipc/api"}},
		{pkg: "cmd/oauthd/live", never: []pattern{ours}, but: []pattern{"oauthd/cmd/oauthd/screen", "oauthd/ipc/api"}},
		{pkg: "cmd/oauthd/doctor", never: []pattern{ours}, but: []pattern{"oauthd/ipc/api", "oauthd/ipc/own"}},
		{
			pkg:   "cmd/oauthd/helpers",
			never: []pattern{"oauthd/daemon/...", "oauthd/keystore/...", "oauthd/redirect/...", "oauthd/ipc"},
		},
		{pkg: "cmd/oauthd/units", never: []pattern{ours}, but: []pattern{"oauthd/ipc/own"}},
		{pkg: "ipc/peer", never: []pattern{ours}},
		{pkg: "ipc/quick", never: []pattern{anything}, but: []pattern{"syscall"}},
		{pkg: "ipc/own", never: []pattern{ours}},
		{pkg: "ipc/dialect/...", never: []pattern{ours}, but: []pattern{"oauthd/ipc/api", "oauthd/ipc/client", "oauthd/ipc/match"}},
		{pkg: "ipc/emulate/...", never: []pattern{ours}, but: []pattern{"oauthd/ipc/api", "oauthd/ipc/client", "oauthd/ipc/own", "oauthd/ipc/peer"}},
		{pkg: "ipc/proxy", never: []pattern{ours}, but: []pattern{"oauthd/ipc/api", "oauthd/ipc/client"}},
		{pkg: "ipc/mcp", never: []pattern{ours}, but: []pattern{"oauthd/ipc/api", "oauthd/ipc/client"}},
		{pkg: "ipc/match", never: []pattern{ours}, but: []pattern{"oauthd/ipc/api"}},
		{
			pkg:   "ipc",
			never: []pattern{"oauthd/daemon/...", "oauthd/keystore/...", "oauthd/redirect/...", oauth2},
			but:   []pattern{"oauthd/daemon/account"},
		},
		{
			pkg:   "daemon",
			never: []pattern{"oauthd/ipc/...", "github.com/zalando/go-keyring/...", "github.com/godbus/dbus/..."},
			but:   []pattern{"oauthd/ipc/api", "oauthd/ipc/match", "oauthd/ipc/own"},
		},
		{pkg: "daemon/account", never: []pattern{ours}, but: []pattern{"oauthd/ipc/api"}},
		{pkg: "daemon/config", never: []pattern{ours}, but: []pattern{"oauthd/daemon/account", "oauthd/daemon/provider", "oauthd/ipc/api", "oauthd/ipc/match", "oauthd/ipc/own"}},
		{pkg: "daemon/provider", never: []pattern{"oauthd/daemon/grant/...", "oauthd/daemon/vault", "oauthd/keystore/..."}},
		{pkg: "daemon/foreign", never: []pattern{ours}, but: []pattern{"oauthd/daemon/account", "oauthd/daemon/provider", "oauthd/ipc/api", "oauthd/ipc/own"}},
		{pkg: "daemon/grant", never: []pattern{"oauthd/redirect/...", "oauthd/daemon/vault", "oauthd/keystore/..."}},
		{
			pkg:   "daemon/grant/google",
			never: []pattern{ours},
			but:   []pattern{"oauthd/daemon/account", "oauthd/daemon/provider", "oauthd/daemon/grant", "oauthd/ipc/api"},
		},
		{pkg: "daemon/token", never: []pattern{oauth2, "oauthd/daemon/grant/...", "oauthd/daemon/vault"}},
		{pkg: "daemon/vault", never: []pattern{"oauthd/daemon/grant/...", "oauthd/ipc/..."}},
		rooms("daemon/words", "grant", "grant/google", "policy", "provider", "token", "vault"),
		rooms("daemon/book", "config", "provider", "vault", "words"),
		rooms("daemon/narrow", "book", "grant/google", "provider", "token", "words"),
		rooms("daemon/admit", "book", "config", "consent", "narrow", "policy", "sockets", "words"),
		rooms("daemon/keepalive", "book", "token", "vault"),
		rooms("daemon/autolock", "config"),
		rooms("daemon/standing", "book", "provider", "token", "vault", "words"),
		rooms("daemon/mint", "book", "grant", "grant/google", "provider", "token", "vault", "words"),
		rooms("daemon/news", "token"),
		rooms("daemon/files", "hook"),
		rooms("daemon/sockets", "book", "config", "words"),
		rooms("daemon/stores", "config", "provider", "vault", "words"),
		rooms("daemon/login", "book", "config", "grant", "grant/google", "mint", "provider", "token", "vault", "words"),
		rooms("daemon/takeover", "book", "foreign", "grant", "grant/google", "login", "mint", "provider", "vault", "words"),
		{pkg: "daemon/hook", never: []pattern{ours}, but: []pattern{"oauthd/ipc/api"}},
		{pkg: "daemon/hold", never: []pattern{ours}},
		rooms("daemon/attend", "hook", "words"),
		rooms("daemon/consent", "hook", "words"),
		rooms("daemon/desktop", "attend", "consent", "words"),
		{pkg: "daemon/policy", never: []pattern{ours}, but: []pattern{"oauthd/daemon/account"}},
		{pkg: "daemon/audit", never: []pattern{ours}, but: []pattern{"oauthd/daemon/account", "oauthd/ipc/own"}},
		{pkg: "daemon/oauthtest", never: []pattern{ours}},
		{pkg: "keystore", never: []pattern{"oauthd/daemon/...", oauth2}},
		{pkg: "redirect", never: []pattern{"oauthd/daemon/...", oauth2}},
	}
}

// rooms is the row of a room in daemon that may enter only these others, besides the vocabulary, and the two rooms at its
// side: words names the failures of keystore and redirect, stores changes the one keystore for another, and login uses
// redirect.
func rooms(pkg string, others ...string) ban {
	b := ban{pkg: pkg, never: []pattern{ours}, but: []pattern{"oauthd/daemon/account", "oauthd/ipc/api", "oauthd/ipc/own"}}
	for _, other := range others {
		b.but = append(b.but, pattern("oauthd/daemon/"+other))
	}
	switch pkg {
	case "daemon/words":
		b.but = append(b.but, "oauthd/keystore", "oauthd/redirect")
	case "daemon/stores":
		b.but = append(b.but, "oauthd/keystore")
	case "daemon/login":
		b.but = append(b.but, "oauthd/redirect")
	case "daemon/files":
		b.but = append(b.but, "oauthd/ipc/peer")
	case "daemon/book":
		b.but = append(b.but, "oauthd/ipc/match", "oauthd/ipc/own")
	}
	return b
}

// floors are the rooms from the ground up; imports point to a lower floor only.
func floors() [][]string {
	return [][]string{
		{"ipc/match", "ipc/own"},
		{"ipc/api", "ipc/api/apitest", "ipc/benchtest", "ipc/peer", "ipc/quick", "daemon/oauthtest", "cmd/oauthd/process", "cmd/oauthd/screen/screentest"},
		{"keystore", "redirect", "cmd/oauthd/screen"},
		{"daemon/account", "daemon/hold", "daemon/hook", "keystore/storetest"},
		{"daemon/provider", "daemon/policy", "daemon/audit", "daemon/token", "ipc", "ipc/client"},
		{"daemon/config", "daemon/grant", "daemon/vault", "daemon/foreign", "daemon/files"},
		{"daemon/autolock", "daemon/grant/google", "daemon/news"},
		{"daemon/words"},
		{"daemon/attend", "daemon/book", "daemon/consent", "daemon/stores"},
		{"daemon/desktop", "daemon/keepalive", "daemon/mint", "daemon/narrow", "daemon/sockets", "daemon/standing"},
		{"daemon/admit", "daemon/login"},
		{"daemon/takeover"},
		{"daemon"},
		{"cmd/oauthd/ask", "cmd/oauthd/machine", "cmd/oauthd/doctor", "cmd/oauthd/live", "cmd/oauthd/units", "ipc/dialect/...", "ipc/emulate/...", "ipc/mcp", "ipc/proxy"},
		{"cmd/oauthd/helpers"},
		{"cmd/oauthd", "cmd/oauthd/oauthd-helper"},
	}
}

func floorOf(pkg string) int {
	return slices.IndexFunc(floors(), func(rooms []string) bool {
		return slices.ContainsFunc(rooms, func(room string) bool { return pattern(room).matches(pkg) })
	})
}

// source is what is looked at of one Go file; path is relative to the module, with slashes.
type source struct {
	path    string
	imports []string
}

// violations returns one line for each import that must not be.
func violations(files []source) (found []string) {
	for _, f := range files {
		pkg, name := path.Dir(f.path), path.Base(f.path)
		if floorOf(pkg) < 0 {
			found = append(found, fmt.Sprintf("%s: the package is in no floor", f.path))
		}
		for _, imported := range f.imports {
			if room, ok := strings.CutPrefix(imported, "oauthd/"); ok && floorOf(room) >= floorOf(pkg) {
				found = append(found, fmt.Sprintf("%s imports %s: not downwards", f.path, imported))
			}
			matches := func(p pattern) bool { return p.matches(imported) }
			for _, b := range bans() {
				if pattern(b.pkg).matches(pkg) && slices.ContainsFunc(b.never, matches) && !slices.ContainsFunc(b.but, matches) &&
					!slices.Contains(b.files, name) {
					found = append(found, fmt.Sprintf("%s imports %s: banned", f.path, imported))
				}
			}
			if strings.HasPrefix(imported, "github.com/Microsoft/") && !strings.HasSuffix(name, "_windows.go") {
				found = append(found, fmt.Sprintf("%s imports %s: Windows only", f.path, imported))
			}
			// Whoever imports the fast lane answers command lines.
			if imported == "oauthd/ipc/quick" && !strings.HasPrefix(pkg, "cmd/") {
				found = append(found, fmt.Sprintf("%s imports %s: commands only", f.path, imported))
			}
			// Templates look methods up by name, and then the linker keeps every exported method of the program: 3 MB.
			if imported == "html/template" || imported == "text/template" {
				found = append(found, fmt.Sprintf("%s imports %s: the linker could drop no method", f.path, imported))
			}
			if first, _, _ := strings.Cut(imported, "/"); pkg == "ipc/api" && strings.Contains(first, ".") {
				found = append(found, fmt.Sprintf("%s imports %s: the standard library only", f.path, imported))
			}
		}
	}
	return found
}

func moduleRoot(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Fatal("no go.mod above the working directory")
		}
		dir = parent
	}
}

// sources reads every Go file of the module that is no test, whatever system it is for.
func sources(t *testing.T, root string) (files []source) {
	t.Helper()
	err := filepath.WalkDir(root, func(at string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if at != root && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "testdata") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(entry.Name(), ".go") || strings.HasSuffix(entry.Name(), "_test.go") {
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), at, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(root, at)
		if err != nil {
			return err
		}
		f := source{path: filepath.ToSlash(relative)}
		for _, spec := range parsed.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			f.imports = append(f.imports, imported)
		}
		files = append(files, f)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestImportsKeepToTheirRooms(t *testing.T) {
	files := sources(t, moduleRoot(t))
	if len(files) < 50 {
		t.Fatalf("got %d Go files, want the whole module", len(files))
	}
	for _, v := range violations(files) {
		t.Error(v)
	}
}

func TestViolationsAreReported(t *testing.T) {
	for _, tt := range []struct {
		name, path, imported string
		want                 string // "" for an import that may be
	}{
		{"verb imports the daemon", "cmd/oauthd/token.go", "oauthd/daemon", "banned"},
		{"verb imports a room of the daemon", "cmd/oauthd/token.go", "oauthd/daemon/account", "banned"},
		{"verb imports the store", "cmd/oauthd/status.go", "oauthd/keystore", "banned"},
		{"serve imports the daemon", "cmd/oauthd/serve.go", "oauthd/daemon", ""},
		{"moving the records imports the store", "cmd/oauthd/keystore.go", "oauthd/keystore", ""},
		{"demo imports the server", "cmd/oauthd/demo.go", "oauthd/daemon/oauthtest", ""},
		{"api imports ours", "ipc/api/x.go", "oauthd/daemon/account", "banned"},
		{"page imports templates", "redirect/page.go", "html/template", "no method"},
		{"api imports a module", "ipc/api/x.go", "github.com/rs/zerolog", "standard library"},
		{"api imports the standard library", "ipc/api/x.go", "encoding/json", ""},
		{"socket imports pipes", "ipc/listen_windows.go", "github.com/Microsoft/go-winio", ""},
		{"socket imports pipes everywhere", "ipc/listen.go", "github.com/Microsoft/go-winio", "Windows only"},
		{"what opens files imports the vocabulary", "ipc/own/x.go", "oauthd/ipc/api", "banned"},
		{"client imports the server", "ipc/client/x.go", "oauthd/ipc", "banned"},
		{"client imports the vocabulary", "ipc/client/x.go", "oauthd/ipc/api", ""},
		{"the fast lane imports what starts before it", "ipc/quick/x.go", "syscall", ""},
		{"the fast lane imports what starts after it", "ipc/quick/x.go", "os", "banned"},
		{"the fast lane imports the vocabulary", "ipc/quick/x.go", "oauthd/ipc/api", "banned"},
		{"client imports the fast lane", "ipc/client/x.go", "oauthd/ipc/quick", "commands only"},
		{"verb imports the fast lane", "cmd/oauthd/main.go", "oauthd/ipc/quick", ""},
		{"helper imports the fast lane", "cmd/oauthd/oauthd-helper/x.go", "oauthd/ipc/quick", ""},
		{"helper imports the network", "cmd/oauthd/oauthd-helper/x.go", "net/http", "banned"},
		{"the process imports the vocabulary", "cmd/oauthd/process/x.go", "oauthd/ipc/api", "banned"},
		{"the terminal imports a verb's client", "cmd/oauthd/screen/x.go", "oauthd/ipc/client", "banned"},
		{"the screen imports the terminal", "cmd/oauthd/live/x.go", "oauthd/cmd/oauthd/screen", ""},
		{"helper imports the client", "cmd/oauthd/oauthd-helper/x.go", "oauthd/ipc/client", "banned"},
		{"socket imports the vault", "ipc/x.go", "oauthd/daemon/vault", "banned"},
		{"socket imports the caller", "ipc/x.go", "oauthd/daemon/account", ""},
		{"socket imports x/oauth2 below", "ipc/x.go", "golang.org/x/oauth2/google", "banned"},
		{"daemon imports the socket", "daemon/x.go", "oauthd/ipc", "banned"},
		{"daemon imports the keyring", "daemon/x.go", "github.com/zalando/go-keyring", "banned"},
		{"daemon imports D-Bus", "daemon/x.go", "github.com/godbus/dbus/v5", "banned"},
		{"account imports config", "daemon/account/x.go", "oauthd/daemon/config", "banned"},
		{"config imports grant", "daemon/config/x.go", "oauthd/daemon/grant", "banned"},
		{"provider imports the store", "daemon/provider/x.go", "oauthd/keystore", "banned"},
		{"what reads files of others imports grant", "daemon/foreign/x.go", "oauthd/daemon/grant", "banned"},
		{"grant imports redirect", "daemon/grant/x.go", "oauthd/redirect", "banned"},
		{"Google's grants import the vault", "daemon/grant/google/x.go", "oauthd/daemon/vault", "banned"},
		{"Google's grants import the token client", "daemon/grant/google/x.go", "oauthd/daemon/grant", ""},
		{"grant imports Google's grants", "daemon/grant/x.go", "oauthd/daemon/grant/google", "not downwards"},
		{"token imports the vault", "daemon/token/x.go", "oauthd/daemon/vault", "banned"},
		{"token imports x/oauth2", "daemon/token/x.go", "golang.org/x/oauth2", "banned"},
		{"vault imports grant", "daemon/vault/x.go", "oauthd/daemon/grant", "banned"},
		{"words import the accounts", "daemon/words/x.go", "oauthd/daemon/book", "banned"},
		{"book imports grant", "daemon/book/x.go", "oauthd/daemon/grant", "banned"},
		{"mint imports redirect", "daemon/mint/x.go", "oauthd/redirect", "banned"},
		{"mint imports login", "daemon/mint/x.go", "oauthd/daemon/login", "not downwards"},
		{"changing the store imports it", "daemon/stores/x.go", "oauthd/keystore", ""},
		{"changing the store imports the accounts", "daemon/stores/x.go", "oauthd/daemon/book", "not downwards"},
		{"narrowing imports what asks the provider", "daemon/narrow/x.go", "oauthd/daemon/grant", "banned"},
		{"admission imports the vault", "daemon/admit/x.go", "oauthd/daemon/vault", "banned"},
		{"admission imports the token cache", "daemon/admit/x.go", "oauthd/daemon/token", "banned"},
		{"keeping alive imports what spends", "daemon/keepalive/x.go", "oauthd/daemon/mint", "not downwards"},
		{"locking imports the vault", "daemon/autolock/x.go", "oauthd/daemon/vault", "banned"},
		{"news import the vault", "daemon/news/x.go", "oauthd/daemon/vault", "banned"},
		{"files import the token cache", "daemon/files/x.go", "oauthd/daemon/token", "banned"},
		{"files import the vault", "daemon/files/x.go", "oauthd/daemon/vault", "not downwards"},
		{"commands import the accounts", "daemon/hook/x.go", "oauthd/daemon/book", "not downwards"},
		{"login imports the news", "daemon/login/x.go", "oauthd/daemon/news", "banned"},
		{"login imports an import", "daemon/login/x.go", "oauthd/daemon/takeover", "not downwards"},
		{"an import imports redirect", "daemon/takeover/x.go", "oauthd/redirect", "banned"},
		{"policy imports config", "daemon/policy/x.go", "oauthd/daemon/config", "banned"},
		{"audit imports the vocabulary", "daemon/audit/x.go", "oauthd/ipc/api", "banned"},
		{"test server imports ours", "daemon/oauthtest/x.go", "oauthd/daemon/account", "banned"},
		{"store imports the daemon", "keystore/x.go", "oauthd/daemon/account", "banned"},
		{"redirect imports x/oauth2", "redirect/x.go", "golang.org/x/oauth2", "banned"},
		{"room imports the house", "daemon/grant/x.go", "oauthd/daemon", "not downwards"},
		{"room imports its neighbour", "daemon/vault/x.go", "oauthd/daemon/config", "not downwards"},
		{"a room nobody knows", "daemon/attic/x.go", "strings", "in no floor"},
		{"daemon imports its room", "daemon/x.go", "oauthd/daemon/token", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := strings.Join(violations([]source{{tt.path, []string{tt.imported}}}), "\n")
			if tt.want == "" && got != "" || !strings.Contains(got, tt.want) {
				t.Errorf("%s imports %s: got %q, want %q", tt.path, tt.imported, got, tt.want)
			}
		})
	}
}

// spender is the one room that spends refresh tokens. gcloud's own credentials, which never rotate and are not stored,
// are spent where they are read.
const spender, gcloudsOwn = "daemon/mint", "daemon/grant/google/user.go"

// spends returns the places in file, which is not of package grant, that make a request to spend a refresh token.
func spends(at string, file *ast.File) (found []string) {
	if path.Dir(at) == spender || at == gcloudsOwn {
		return nil
	}
	ast.Inspect(file, func(n ast.Node) bool {
		s, ok := n.(*ast.SelectorExpr)
		if !ok || s.Sel.Name != "Refresh" {
			return true
		}
		if pkg, ok := s.X.(*ast.Ident); ok && pkg.Name == "grant" {
			found = append(found, at+" spends a refresh token; only "+spender+" may")
		}
		return true
	})
	return found
}

func TestOnlyMintSpendsRefreshTokens(t *testing.T) {
	root := moduleRoot(t)
	for _, f := range sources(t, root) {
		parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, filepath.FromSlash(f.path)), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range spends(f.path, parsed) {
			t.Error(found)
		}
	}
	planted, err := parser.ParseFile(token.NewFileSet(), "x.go", "package login\nvar _ = grant.Refresh{}\n", 0)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(spends("daemon/login/x.go", planted)); n != 1 {
		t.Errorf("planted: got %d findings, want 1", n)
	}
	if n := len(spends(spender+"/x.go", planted)); n != 0 {
		t.Errorf("in %s: got %d findings, want none", spender, n)
	}
}

func TestTopLevelFolders(t *testing.T) {
	root := moduleRoot(t)
	for dir, may := range map[string][]string{
		".":   {"cmd", "daemon", "keystore", "ipc", "redirect", "testdata"},
		"cmd": {"oauthd"},
	} {
		entries, err := os.ReadDir(filepath.Join(root, dir))
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range entries {
			if entry.IsDir() && !strings.HasPrefix(entry.Name(), ".") && !slices.Contains(may, entry.Name()) {
				t.Errorf("%s: got folder %q, want only %q", dir, entry.Name(), may)
			}
		}
	}
}

// forbiddenNames returns the fields and JSON keys of file that sound like a refresh token.
func forbiddenNames(file *ast.File) (found []string) {
	sounds := func(name string) bool {
		letters := strings.Map(func(r rune) rune {
			if r == '_' || r == '-' || r == ' ' {
				return -1
			}
			return r
		}, strings.ToLower(name))
		letters = strings.ReplaceAll(letters, "norefreshtoken", "") // says why there is none
		return strings.Contains(letters, "refreshtoken") || strings.Contains(letters, "refreshsecret")
	}
	ast.Inspect(file, func(n ast.Node) bool {
		structure, ok := n.(*ast.StructType)
		if !ok {
			return true
		}
		for _, field := range structure.Fields.List {
			for _, name := range field.Names {
				if sounds(name.Name) {
					found = append(found, name.Name)
				}
			}
			if field.Tag != nil && sounds(field.Tag.Value) {
				found = append(found, field.Tag.Value)
			}
		}
		return true
	})
	return found
}

func TestVocabularyHasNoRefreshToken(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(moduleRoot(t), "ipc", "api", "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("got %d files and error %v, want those of ipc/api", len(files), err)
	}
	for _, at := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), at, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		if got := forbiddenNames(parsed); len(got) > 0 {
			t.Errorf("%s: got %q, want no field for a refresh token", at, got)
		}
	}

	const planted = "package p\ntype A struct {\n\tRefresh_Token string\n\tX struct{ Y string `json:\"refresh_token\"` }\n\tRefreshing bool\n}"
	parsed, err := parser.ParseFile(token.NewFileSet(), "planted.go", planted, 0)
	if err != nil {
		t.Fatal(err)
	}
	if got := forbiddenNames(parsed); len(got) != 2 {
		t.Errorf("got %q, want both planted names", got)
	}
}
