//go:build linux

package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"oauthd/daemon/oauthtest"
	"oauthd/ipc/api"
)

// crateRegistry is a sparse registry of cargo's that has the crate hello for anyone with the newest token of the account
// crates.
type crateRegistry struct {
	*clientDesk
	provider *oauthtest.Running
	url      string
	cargo    string // the program itself: what rustup has in PATH only finds it, if it has its own home
}

func newCrateRegistry(t *testing.T) *crateRegistry {
	t.Helper()
	root, err := exec.CommandContext(t.Context(), "rustc", "--print", "sysroot").Output()
	cargo := filepath.Join(strings.TrimSpace(string(root)), "bin", "cargo")
	if _, missing := os.Stat(cargo); err != nil || missing != nil {
		t.Skip("no cargo 1.74 or newer is installed; Debian has an older one")
	}
	reg := &crateRegistry{clientDesk: newDesktop(t), cargo: cargo}
	reg.provider = reg.login(t, "crates")
	file := crate(t)
	index := fmt.Sprintf(`{"name":"hello","vers":"1.0.0","deps":[],"cksum":"%x","features":{},"yanked":false}`+"\n", sha256.Sum256(file))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch newest := reg.newest(r, "crates"); {
		case newest == "" || r.Header.Get("Authorization") != "Bearer "+newest:
			w.Header().Set("WWW-Authenticate", `Cargo login_url="https://evil.example/"`)
			w.WriteHeader(http.StatusUnauthorized)
		case r.URL.Path == "/index/config.json":
			_, _ = fmt.Fprintf(w, `{"dl":"%[1]s/dl","api":"%[1]s","auth-required":true}`, reg.url)
		case r.URL.Path == "/index/he/ll/hello":
			_, _ = io.WriteString(w, index)
		case strings.HasPrefix(r.URL.Path, "/dl/hello/1.0.0"):
			_, _ = w.Write(file)
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(server.Close)
	reg.url = server.URL
	return reg
}

// crate is the smallest package that cargo takes.
func crate(t *testing.T) []byte {
	t.Helper()
	return tarball(t, map[string]string{
		"hello-1.0.0/Cargo.toml": "[package]\nname = \"hello\"\nversion = \"1.0.0\"\nedition = \"2021\"\n", "hello-1.0.0/src/lib.rs": "",
	})
}

// tarball is an archive of files, by name.
func tarball(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var file bytes.Buffer
	z := gzip.NewWriter(&file)
	w := tar.NewWriter(z)
	for name, text := range files {
		err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(text))})
		if err == nil {
			_, err = io.WriteString(w, text)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if w.Close() != nil || z.Close() != nil {
		t.Fatal("the archive was not written")
	}
	return file.Bytes()
}

const cargoConfigText = "[net]\nretry = 0 # mine\n"

// configure writes the person's configuration of cargo, with more for the registry and at the end.
func (reg *crateRegistry) configure(t *testing.T, registry, more string) (file string) {
	t.Helper()
	file = filepath.Join(reg.dir, ".cargo", "config.toml")
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	text := "[registries.r]\nindex = \"sparse+" + reg.url + "/index/\"\n" + registry + cargoConfigText + more
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// fetch has cargo get the crate into a home of its own, which is asked with the configuration in reg.dir.
func (reg *crateRegistry) fetch(t *testing.T) (exit int, stderr string) {
	t.Helper()
	project, err := os.MkdirTemp(reg.dir, "project")
	if err != nil {
		t.Fatal(err)
	}
	manifest := "[package]\nname = \"project\"\nversion = \"1.0.0\"\nedition = \"2021\"\n[dependencies]\nhello = { version = \"1\", registry = \"r\" }\n"
	if err := os.MkdirAll(filepath.Join(project, "src"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"Cargo.toml": manifest, "src/lib.rs": ""} {
		if err := os.WriteFile(filepath.Join(project, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// The configuration of a directory above the project counts too.
	exit, _, stderr = reg.run(t, []string{"OAUTHD_SOCK=" + reg.socket(), "CARGO_HOME=" + project + "/home"},
		"sh", "-c", `PATH="${1%/*}:$PATH"; cd "$0" && exec "$1" fetch --quiet`, project, reg.cargo)
	found, err := filepath.Glob(filepath.Join(project, "home", "registry", "cache", "*", "hello-1.0.0.crate"))
	if err != nil || (exit == 0) != (len(found) == 1) {
		t.Errorf("got exit %d, and the crate: %v, %s", exit, found, stderr)
	}
	return exit, stderr
}

func (reg *crateRegistry) helper(t *testing.T, args ...string) {
	t.Helper()
	if exit, stdout, stderr := reg.run(t, nil, append([]string{"oauthd", "helper"}, args...)...); exit != 0 {
		t.Fatalf("oauthd helper %q: got exit %d, %s, %s", args, exit, stdout, stderr)
	}
}

func TestCargo(t *testing.T) {
	reg := newCrateRegistry(t)
	file := reg.configure(t, "", "[registry]\ndefault = \"r\"")
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	reg.helper(t, "install", "cargo", "--write")
	if exit, stderr := reg.fetch(t); exit == 0 || !strings.Contains(stderr, "no token found") || strings.Contains(stderr, "hint: ") {
		t.Errorf("an unknown registry: got exit %d, %s, want cargo's own failure", exit, stderr)
	}
	reg.allow(t, "crates", reg.url+"/index/")
	for range 2 {
		if exit, stderr := reg.fetch(t); exit != 0 {
			t.Fatalf("got exit %d, %s", exit, stderr)
		}
		reg.replace(t, "crates")
	}
	for _, o := range reg.obstacles("crates", reg.provider) {
		t.Run(o.name, func(t *testing.T) {
			if err := o.put(t); err != nil {
				t.Fatal(err)
			}
			if exit, stderr := reg.fetch(t); exit == 0 || strings.Count(stderr, "hint: ") != 1 || !strings.Contains(stderr, o.want) {
				t.Errorf("got exit %d, %s, want a failure, and %q once", exit, stderr, o.want)
			}
		})
	}
	reg.helper(t, "uninstall", "cargo")
	if after, err := os.ReadFile(file); err != nil || !bytes.Equal(after, before) {
		t.Errorf("uninstall: got %v, %q, want what was there", err, after)
	}
}

// Without a helper, cargo takes the token from a command's standard output, as the page about build tools has it.
func TestCargoRecipe(t *testing.T) {
	reg := newCrateRegistry(t)
	page, err := os.ReadFile(filepath.Join(moduleRoot(t), "cmd", "oauthd", "help", "build.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, recipe, _ := strings.Cut(string(page), "credential-provider = [\n")
	recipe, _, found := strings.Cut(recipe, "```")
	if !found || !strings.Contains(recipe, `"work"`) {
		t.Fatal("the page has no recipe")
	}
	reg.configure(t, "credential-provider = [\n"+strings.Replace(recipe, `"work"`, `"crates"`, 1), "")
	if exit, stderr := reg.fetch(t); exit != 0 {
		t.Fatalf("got exit %d, %s", exit, stderr)
	}
	for _, o := range reg.obstacles("crates", reg.provider) {
		t.Run(o.name, func(t *testing.T) {
			if err := o.put(t); err != nil {
				t.Fatal(err)
			}
			if exit, stderr := reg.fetch(t); exit == 0 || strings.Count(stderr, "hint: ") != 1 || !strings.Contains(stderr, o.want) {
				t.Errorf("got exit %d, %s, want a failure, and %q once", exit, stderr, o.want)
			}
		})
	}
}

// cargo's own registry is named by its index on GitHub. A token for GitHub must not go there.
func TestCargoGetsNoTokenForCratesIO(t *testing.T) {
	d := newDesktop(t)
	d.allow(t, "work", "github.com")
	request := `{"v":1,"kind":"get","operation":"publish","registry":{"index-url":"https://github.com/example/index","name":"index"},"args":[]}`
	exit, stdout, stderr := d.run(t, []string{"OAUTHD_SOCK=" + d.socket(), "REQUEST=" + request}, "sh", "-c", `echo "$REQUEST" | cargo-credential-oauthd --cargo-plugin`)
	if want := "{\"v\":[1]}\n{\"Err\":{\"kind\":\"url-not-supported\"}}\n"; exit != 0 || stdout != want || stderr != "" {
		t.Errorf("got exit %d, %q, %q, want %q", exit, stdout, stderr, want)
	}
	if _, err := d.client.Token(t.Context(), api.TokenRequest{URL: "https://github.com/example/index"}); err != nil {
		t.Errorf("the account does not answer for GitHub: %v", err)
	}
}
