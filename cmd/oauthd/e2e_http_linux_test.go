//go:build linux

package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"oauthd/keystore/storetest"

	"golang.org/x/net/webdav"
)

// commandOf returns the command on a page of oauthd help that begins with those words, as the page has it.
func commandOf(t *testing.T, topic, begin string) string {
	t.Helper()
	page, err := os.ReadFile(filepath.Join(moduleRoot(t), "cmd", "oauthd", "help", topic+".md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(page), "\n"+begin)
	command, _, _ := strings.Cut(strings.ReplaceAll(rest, "\\\n", ""), "\n")
	if !found {
		t.Fatalf("help %s has no command that begins with %q", topic, begin)
	}
	return begin + command
}

// curl and HTTPie, as the page about programs has them, with an API that takes the newest token of the account work alone.
func TestHeaderRecipes(t *testing.T) {
	for program, begin := range map[string]string{"curl": "oauthd token work --format header | curl", "http": "http https://"} {
		t.Run(program, func(t *testing.T) {
			storetest.Need(t, program, "bash")
			d := newDesktop(t)
			command := strings.ReplaceAll(commandOf(t, "programs", begin), "https://api.example.com/", d.api.URL)
			command = strings.ReplaceAll(command, "http http:", "http --ignore-stdin http:") // which is no terminal here
			vars := []string{"OAUTHD_SOCK=" + d.socket()}
			for range 2 {
				if exit, stdout, stderr := d.run(t, vars, "bash", "-c", command); exit != 0 || stdout != "let in" {
					t.Errorf("got exit %d, %q, %s", exit, stdout, stderr)
				}
				d.replace(t, "work")
			}
			for _, o := range d.obstacles("work", d.provider) {
				if err := o.put(t); err != nil {
					t.Fatal(err)
				}
				if _, stdout, stderr := d.run(t, vars, "bash", "-c", command); stdout == "let in" || !strings.Contains(stderr, o.want) {
					t.Errorf("%s: got %q, %s, want %q", o.name, stdout, stderr, o.want)
				}
			}
		})
	}
}

// rclone, as the page has it, at a WebDAV server that takes the newest token of the account work alone.
func TestRcloneRecipe(t *testing.T) {
	storetest.Need(t, "rclone", "bash")
	d := newDesktop(t)
	provider := d.login(t, "dav")
	files := filepath.Join(d.dir, "files")
	if err := os.Mkdir(files, 0o700); err != nil {
		t.Fatal(err)
	}
	dav := &webdav.Handler{FileSystem: webdav.Dir(files), LockSystem: webdav.NewMemLS()}
	var expires atomic.Bool // between two requests of one rclone
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut && expires.CompareAndSwap(true, false) {
			d.replace(t, "dav")
		}
		if newest := d.newest(r, "dav"); newest == "" || r.Header.Get("Authorization") != "Bearer "+newest {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		dav.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	sh := func(script string) (exit int, stdout, stderr string) {
		return d.run(t, []string{"OAUTHD_SOCK=" + d.socket(), "RCLONE_RETRIES=1", "RCLONE_LOW_LEVEL_RETRIES=3"}, "bash", "-ec", script)
	}
	create := strings.NewReplacer("https://dav.example.com/", server.URL, "token work", "token dav").Replace(commandOf(t, "programs", "rclone config create"))
	if exit, _, stderr := sh(create); exit != 0 {
		t.Fatalf("%s: got exit %d, %s", create, exit, stderr)
	}
	expires.Store(true)
	if exit, _, stderr := sh("echo hello >note; rclone copyto note dav:note"); exit != 0 || expires.Load() {
		t.Errorf("with a token that expires in between: got exit %d, %s", exit, stderr)
	}
	if exit, stdout, stderr := sh(commandOf(t, "programs", "rclone lsf")); exit != 0 || stdout != "note\n" {
		t.Errorf("got exit %d, %q, %s", exit, stdout, stderr)
	}
	for _, o := range d.obstacles("dav", provider) {
		t.Run(o.name, func(t *testing.T) {
			if err := o.put(t); err != nil {
				t.Fatal(err)
			}
			if exit, stdout, stderr := sh("rclone lsf dav:"); exit == 0 || stdout != "" || !strings.Contains(stderr, o.want) {
				t.Errorf("got exit %d, %q, %s, want a failure and %q", exit, stdout, stderr, o.want)
			}
		})
	}
}
