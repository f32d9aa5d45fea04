//go:build linux

package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"oauthd/ipc/api"
	"oauthd/keystore/storetest"
)

// gitHost serves repositories to anyone who has the newest token of the account hub.
func gitHost(t *testing.T, d *clientDesk) (url, repositories string) {
	t.Helper()
	where, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		t.Fatal(err)
	}
	repositories = filepath.Join(d.dir, "repositories")
	backend := &cgi.Handler{
		Path: filepath.Join(strings.TrimSpace(string(where)), "git-http-backend"),
		Env:  []string{"GIT_PROJECT_ROOT=" + repositories, "GIT_HTTP_EXPORT_ALL=1", "REMOTE_USER=ada", "HOME=" + d.dir},
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		newest, err := d.client.Token(r.Context(), api.TokenRequest{Account: "hub"})
		if user, password, _ := r.BasicAuth(); err != nil || user != "oauth2" || password != newest.AccessToken {
			w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		backend.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL, repositories
}

// The helper with real git: clone and push, with the token replaced in between; nothing for other hosts; and no question for
// a password if a login is needed.
func TestGitHelper(t *testing.T) {
	storetest.Need(t, "git")
	d := newDesktop(t)
	d.login(t, "hub")
	host, repositories := gitHost(t, d)
	git := func(script string) (exit int, stdout, stderr string) {
		return d.run(t, []string{"OAUTHD_SOCK=" + d.socket(), "GIT_TERMINAL_PROMPT=0"}, "sh", "-ec", script)
	}
	at := filepath.Join(d.dir, "config", "accounts", "hub.toml")
	file, err := os.OpenFile(at, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = fmt.Fprintf(file, "hosts = [%q]\n", host)
	if err := errors.Join(err, file.Close()); err != nil {
		t.Fatal(err)
	}
	setup := `
		oauthd helper install git --write
		git config --global user.name ada
		git config --global user.email ada@example.com
		git config --global init.defaultBranch main
		git init -q --bare ` + repositories + `/notes.git
		git -C ` + repositories + `/notes.git config http.receivepack true`
	if exit, _, stderr := git(setup); exit != 0 {
		t.Fatalf("set up: got exit %d, %s", exit, stderr)
	}
	if exit, _, stderr := git("git clone -q " + host + "/notes.git work"); exit != 0 {
		t.Fatalf("clone: got exit %d, %s", exit, stderr)
	}
	d.replace(t, "hub")
	if exit, _, stderr := git("cd work; echo a >a; git add a; git commit -qm a; git push -q origin main"); exit != 0 {
		t.Fatalf("push with a new token: got exit %d, %s", exit, stderr)
	}
	if _, stdout, _ := git("git -C " + repositories + "/notes.git log --format=%s main"); stdout != "a\n" {
		t.Errorf("the server has %q, want the commit", stdout)
	}
	if _, err := d.client.Logout(t.Context(), "hub"); err != nil {
		t.Fatal(err)
	}
	exit, _, stderr := git("git clone -q " + host + "/notes.git again")
	if exit == 0 || !strings.Contains(stderr, "oauthd login hub") || strings.Contains(stderr, "Username") {
		t.Errorf("without a login: got exit %d, stderr %q, want a failure that says how to log in", exit, stderr)
	}
	if exit, stdout, stderr := git("oauthd helper uninstall git; ls .local/bin; git config --global --get-all credential.helper || echo none"); exit != 0 || stdout != "none\n" {
		t.Errorf("uninstall: got exit %d, %q, %q, want no helper left", exit, stdout, stderr)
	}
}
