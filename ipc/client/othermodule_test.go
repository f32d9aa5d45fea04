package client_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestOtherModule builds a program of another module against this one, in the way that the page about the socket describes: two lines
// in its go.mod, because this module has no address of its own yet.
func TestOtherModule(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(root, "cmd", "oauthd", "help", "api.md"))
	if err != nil {
		t.Fatal(err)
	}
	example := filepath.Join(root, "testdata", "othermodule")
	text, err := os.ReadFile(filepath.Join(example, "go.mod.txt"))
	if err != nil {
		t.Fatal(err)
	}
	const replace = "replace oauthd => ../oauthd"
	for _, line := range []string{"require oauthd v0.1.0", replace} {
		if !strings.Contains(string(page), line) || !strings.Contains(string(text), line) {
			t.Errorf("got no line %q in api.md and the example's go.mod, want it in both", line)
		}
	}
	dir := t.TempDir()
	write := func(name string, data []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("go.mod", []byte(strings.ReplaceAll(string(text), replace, "replace oauthd => "+root)))
	for from, to := range map[string]string{filepath.Join(example, "main.go.txt"): "main.go", filepath.Join(root, "go.sum"): "go.sum"} {
		data, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		write(to, data)
	}
	build := exec.Command("go", "build", "-mod=mod", "-o", filepath.Join(dir, "calendar"), ".")
	build.Dir = dir
	build.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off", "GOPROXY=off")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
}
