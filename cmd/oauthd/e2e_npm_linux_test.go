//go:build linux

package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"oauthd/daemon/oauthtest"
	"oauthd/keystore/storetest"
)

const packageManifest = `{"name": "hello", "version": "1.0.0"}`

// packedPackage is the smallest package that npm takes.
func packedPackage(t *testing.T) []byte {
	t.Helper()
	var file bytes.Buffer
	z := gzip.NewWriter(&file)
	w := tar.NewWriter(z)
	err := w.WriteHeader(&tar.Header{Name: "package/package.json", Mode: 0o644, Size: int64(len(packageManifest))})
	if err == nil {
		_, err = w.Write([]byte(packageManifest))
	}
	if err != nil || w.Close() != nil || z.Close() != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// registry is an npm registry that takes the newest token of the account pkg alone.
type registry struct {
	*clientDesk
	provider *oauthtest.Running
	url      string
	nerf     string // how the registry's settings begin in .npmrc
}

func newRegistry(t *testing.T) *registry {
	t.Helper()
	reg := &registry{clientDesk: newDesktop(t)}
	reg.provider = reg.login(t, "pkg")
	file := packedPackage(t)
	sum := sha512.Sum512(file)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch newest := reg.newest(r, "pkg"); {
		case newest == "" || r.Header.Get("Authorization") != "Bearer "+newest:
			w.WriteHeader(http.StatusUnauthorized)
		case r.URL.Path == "/hello":
			_ = json.NewEncoder(w).Encode(map[string]any{
				"name": "hello", "dist-tags": map[string]string{"latest": "1.0.0"}, "time": map[string]string{"1.0.0": "2020-01-01T00:00:00.000Z"},
				"versions": map[string]any{"1.0.0": map[string]any{"name": "hello", "version": "1.0.0", "dist": map[string]string{
					"tarball": reg.url + "/hello/-/hello-1.0.0.tgz", "integrity": "sha512-" + base64.StdEncoding.EncodeToString(sum[:]),
				}}},
			})
		case r.URL.Path == "/hello/-/hello-1.0.0.tgz":
			_, _ = w.Write(file)
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(server.Close)
	reg.url, reg.nerf = server.URL, strings.TrimPrefix(server.URL, "http:")
	return reg
}

// npmrc writes the person's .npmrc.
func (reg *registry) npmrc(t *testing.T, setting string) {
	t.Helper()
	text := "registry=" + reg.url + "/\nupdate-notifier=false\nfetch-retries=0\n" + reg.nerf + "/:" + setting + "\n"
	if err := os.WriteFile(filepath.Join(reg.dir, ".npmrc"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// install runs a program in a new project with caches of its own, which is to get the package.
func (reg *registry) install(t *testing.T, argv ...string) (exit int, stderr string) {
	t.Helper()
	project, err := os.MkdirTemp(reg.dir, "project")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(project, "package.json"), []byte(`{"name": "project", "version": "1.0.0"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	script := `cd "$0"; exec "$@" 2>&1`
	caches := []string{"XDG_DATA_HOME=" + project + "/data", "XDG_CACHE_HOME=" + project + "/cache", "npm_config_cache=" + project + "/npm"}
	exit, output, _ := reg.run(t, append(caches, "OAUTHD_SOCK="+reg.socket()), append([]string{"sh", "-c", script, project}, argv...)...)
	if kinds := leaks(output, true); len(kinds) > 0 {
		t.Errorf("%q shows %s", argv, strings.Join(kinds, ", "))
	}
	_, err = os.Stat(filepath.Join(project, "node_modules", "hello", "package.json"))
	if (exit == 0) != (err == nil) {
		t.Errorf("%q: got exit %d, and the package: %v, %s", argv, exit, err, output)
	}
	return exit, output
}

// npm has no way to ask: it reads a variable that exec sets. Nothing is started if there is no token.
func TestNPM(t *testing.T) {
	storetest.Need(t, "npm")
	reg := newRegistry(t)
	reg.npmrc(t, "_authToken=${NPM_TOKEN}")
	npm := []string{"oauthd", "exec", "-e", "NPM_TOKEN=pkg", "--", "npm", "install", "--no-audit", "--no-fund", "hello"}
	for range 2 {
		if exit, output := reg.install(t, npm...); exit != 0 {
			t.Fatalf("got exit %d, %s", exit, output)
		}
		reg.replace(t, "pkg")
	}
	for _, o := range reg.obstacles("pkg", reg.provider) {
		t.Run(o.name, func(t *testing.T) {
			if err := o.put(t); err != nil {
				t.Fatal(err)
			}
			if exit, output := reg.install(t, npm...); exit == 0 || !strings.Contains(output, o.want) || strings.Contains(output, "npm") {
				t.Errorf("got exit %d, %s, want a failure, %q, and nothing of npm's", exit, output, o.want)
			}
		})
	}
}

// pnpm runs a command for the token: from version 11 one with arguments, before that a file. It shows nothing of what the
// command says, so that is written to the terminal.
func TestPNPM(t *testing.T) {
	storetest.Need(t, "pnpm", "script")
	reg := newRegistry(t)
	reg.allow(t, "pkg", reg.url)
	file := filepath.Join(reg.dir, "npm-token")
	if err := os.WriteFile(file, []byte("#!/bin/sh\nexec oauthd helper pnpm "+reg.url+"/\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	reg.npmrc(t, "tokenHelper="+file)
	if exit, output := reg.install(t, "pnpm", "add", "hello"); exit != 0 {
		t.Fatalf("a file: got exit %d, %s", exit, output)
	}
	reg.npmrc(t, "always-auth=true")
	if exit, stdout, stderr := reg.run(t, nil, "oauthd", "helper", "install", "pnpm", "--host", reg.url, "--write"); exit != 0 {
		t.Fatalf("install: got exit %d, %s, %s", exit, stdout, stderr)
	}
	reg.replace(t, "pkg")
	if exit, output := reg.install(t, "pnpm", "add", "hello"); exit != 0 {
		t.Fatalf("installed: got exit %d, %s", exit, output)
	}
	for _, o := range reg.obstacles("pkg", reg.provider) {
		t.Run(o.name, func(t *testing.T) {
			if err := o.put(t); err != nil {
				t.Fatal(err)
			}
			if exit, output := reg.install(t, "script", "-qec", "pnpm add hello", "/dev/null"); exit == 0 || !strings.Contains(output, o.want) {
				t.Errorf("got exit %d, %s, want a failure, and %q on the terminal", exit, output, o.want)
			}
		})
	}
}
