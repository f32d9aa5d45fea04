//go:build linux

package main

import (
	"archive/zip"
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"oauthd/cmd/oauthd/helpers"
	"oauthd/keystore/storetest"
)

const wheelName = "hello-1.0-py3-none-any.whl"

// wheel is the smallest package that pip takes.
func wheel(t *testing.T) []byte {
	t.Helper()
	var file bytes.Buffer
	z := zip.NewWriter(&file)
	for name, text := range map[string]string{
		"hello.py":                     "",
		"hello-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: hello\nVersion: 1.0\n",
		"hello-1.0.dist-info/WHEEL":    "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
		"hello-1.0.dist-info/RECORD":   "",
	} {
		w, err := z.Create(name)
		if err == nil {
			_, err = w.Write([]byte(text))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// The program keyring with real pip, at an index that takes the newest token of the account pkg alone.
func TestPip(t *testing.T) {
	python, ok := pythonWith(t, "python3", "pip")
	if !ok {
		storetest.Need(t, "python3 -m pip")
	}
	storetest.Need(t, "script")
	d := newDesktop(t)
	provider := d.login(t, "pkg")
	file := wheel(t)
	index := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		switch newest := d.newest(r, "pkg"); {
		case newest == "" || user != "oauth2accesstoken" || password != newest:
			w.Header().Set("WWW-Authenticate", `Basic realm="pip"`)
			w.WriteHeader(http.StatusUnauthorized)
		case r.URL.Path == "/simple/hello/":
			w.Header().Set("Content-Type", "text/html")
			_, _ = w.Write([]byte(`<a href="/files/` + wheelName + `">` + wheelName + `</a>`))
		case r.URL.Path == "/files/"+wheelName:
			_, _ = w.Write(file)
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(index.Close)
	url := strings.Replace(index.URL, "://", "://oauth2accesstoken@", 1) + "/simple/"
	pip := func(t *testing.T, into string) (exit int, screen string) {
		// At a terminal, because pip 23.0 hides what keyring writes to standard error.
		command := helpers.Quoted(python, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-cache-dir", "--no-deps",
			"--index-url", url, "--dest", into, "hello")
		exit, screen, _ = d.run(t, []string{"OAUTHD_SOCK=" + d.socket(), "PIP_KEYRING_PROVIDER=subprocess", "PIP_RETRIES=0"},
			"script", "-qec", command, "/dev/null")
		if kinds := leaks(screen, true); len(kinds) > 0 {
			t.Errorf("the screen shows %s", strings.Join(kinds, ", "))
		}
		return exit, screen
	}
	if exit, screen := pip(t, "unknown"); exit == 0 || strings.Contains(screen, "oauthd") {
		t.Errorf("an unknown index: got exit %d, %s, want pip's own failure", exit, screen)
	}
	d.allow(t, "pkg", index.URL+"/simple/")
	for _, into := range []string{"first", "second"} {
		if exit, screen := pip(t, into); exit != 0 {
			t.Fatalf("got exit %d, %s", exit, screen)
		}
		if got, err := os.ReadFile(filepath.Join(d.dir, into, wheelName)); err != nil || !bytes.Equal(got, file) {
			t.Errorf("got another file, %v", err)
		}
		d.replace(t, "pkg")
	}
	for _, o := range d.obstacles("pkg", provider) {
		t.Run(o.name, func(t *testing.T) {
			if err := o.put(t); err != nil {
				t.Fatal(err)
			}
			if exit, screen := pip(t, "none"); exit == 0 || strings.Count(screen, "hint: ") != 1 || !strings.Contains(screen, o.want) {
				t.Errorf("got exit %d, %s, want a failure, and %q once", exit, screen, o.want)
			}
		})
	}
}
