//go:build linux

package main

import (
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"oauthd/ipc/api"
	"oauthd/keystore/storetest"
)

// gitHost serves the repositories below /ACCOUNT/ for that account's newest token, unless a test has that refused.
type gitHost struct {
	*clientDesk
	url          string
	repositories string
	asked        string // a file: what git has asked a person for
}

func newGitHost(t *testing.T, accounts ...string) *gitHost {
	t.Helper()
	storetest.Need(t, "git")
	where, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		t.Fatal(err)
	}
	h := &gitHost{clientDesk: newDesktop(t)}
	h.repositories, h.asked = filepath.Join(h.dir, "repositories"), filepath.Join(h.dir, "asked")
	backend := &cgi.Handler{
		Path: filepath.Join(strings.TrimSpace(string(where)), "git-http-backend"),
		Env:  []string{"GIT_PROJECT_ROOT=" + h.repositories, "GIT_HTTP_EXPORT_ALL=1", "REMOTE_USER=ada", "HOME=" + h.dir},
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		account, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		newest := h.newest(r, account)
		user, password, _ := r.BasicAuth()
		h.mu.Lock()
		refused := newest == "" || newest == h.refused
		h.mu.Unlock()
		if refused || password != newest || !slices.Contains([]string{"oauth2", account}, user) {
			w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		backend.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	h.url = server.URL
	// git asks whoever is at the terminal by running this program.
	askpass := "#!/bin/sh\necho \"$1\" >>" + h.asked + "\necho wrong\n"
	if err := os.WriteFile(filepath.Join(h.dir, "askpass"), []byte(askpass), 0o700); err != nil {
		t.Fatal(err)
	}
	h.must(t, `
		oauthd helper install git --write
		git config --global user.name ada
		git config --global user.email ada@example.com
		git config --global init.defaultBranch main`)
	for _, account := range accounts {
		bare := filepath.Join(h.repositories, account, "notes.git")
		h.must(t, "git init -q --bare "+bare+"; git -C "+bare+" config http.receivepack true")
	}
	return h
}

func (h *gitHost) sh(t *testing.T, script string) (exit int, stdout, stderr string) {
	t.Helper()
	vars := []string{"OAUTHD_SOCK=" + h.socket(), "GIT_TERMINAL_PROMPT=0", "GIT_ASKPASS=" + h.dir + "/askpass"}
	return h.run(t, vars, "sh", "-ec", script)
}

// must runs a script that has to succeed, without a question to a person.
func (h *gitHost) must(t *testing.T, script string) {
	t.Helper()
	if exit, _, stderr := h.sh(t, script); exit != 0 || h.questions() != "" {
		t.Fatalf("%s: got exit %d, the questions %q, %s", script, exit, h.questions(), stderr)
	}
}

// questions are what git has asked a person for.
func (h *gitHost) questions() string {
	text, _ := os.ReadFile(h.asked)
	return string(text)
}

// The helper with real git: clone and push, with the token replaced in between.
func TestGitHelper(t *testing.T) {
	h := newGitHost(t, "hub")
	h.login(t, "hub")
	h.allow(t, "hub", h.url)
	h.must(t, "git clone -q "+h.url+"/hub/notes.git work")
	h.replace(t, "hub")
	h.must(t, "cd work; echo a >a; git add a; git commit -qm a; git push -q origin main")
	if _, stdout, _ := h.sh(t, "git -C "+h.repositories+"/hub/notes.git log --format=%s main"); stdout != "a\n" {
		t.Errorf("the server has %q, want the commit", stdout)
	}

	// A token that the host takes no longer, although it has not expired: git erases it, and the next one is another.
	before, err := h.client.Token(t.Context(), api.TokenRequest{Account: "hub"})
	if err != nil {
		t.Fatal(err)
	}
	h.refuse(before.AccessToken)
	if exit, _, stderr := h.sh(t, "git -C work fetch -q"); exit == 0 || !strings.Contains(stderr, "Authentication failed") {
		t.Errorf("a refused token: got exit %d, %s, want git's own failure", exit, stderr)
	}
	h.must(t, "git -C work fetch -q")

	if exit, stdout, stderr := h.sh(t, "oauthd helper uninstall git; ls .local/bin; git config --global --get-all credential.helper || echo none"); exit != 0 || stdout != "none\n" {
		t.Errorf("uninstall: got exit %d, %q, %q, want no helper left", exit, stdout, stderr)
	}
}

// Two accounts on one host: the user name in the URL decides, or the path in the accounts' hosts.
func TestGitHelperTellsAccountsApart(t *testing.T) {
	h := newGitHost(t, "hub", "other")
	h.login(t, "hub")
	h.login(t, "other")
	h.allow(t, "hub", h.url)
	h.allow(t, "other", h.url)
	exit, _, stderr := h.sh(t, "git clone -q "+h.url+"/hub/notes.git which")
	if exit == 0 || !strings.Contains(stderr, "hub and other answer for") || h.questions() != "" {
		t.Errorf("without a user name: got exit %d, the questions %q, %s, want a failure that names both", exit, h.questions(), stderr)
	}
	for _, account := range []string{"hub", "other"} {
		url := strings.Replace(h.url, "://", "://"+account+"@", 1)
		h.must(t, "git clone -q "+url+"/"+account+"/notes.git by-user-"+account)
	}
	h.allow(t, "hub", h.url+"/hub/")
	h.allow(t, "other", h.url+"/other/")
	h.must(t, "git config --global credential.useHttpPath true")
	for _, account := range []string{"hub", "other"} {
		h.must(t, "git clone -q "+h.url+"/"+account+"/notes.git by-path-"+account)
	}
}

// What keeps a token back ends git's command and is shown, and git asks nobody for a password, as it does for a host that
// no account has.
func TestGitHelperWithoutAToken(t *testing.T) {
	h := newGitHost(t, "hub")
	provider := h.login(t, "hub")
	exit, _, stderr := h.sh(t, "git clone -q "+h.url+"/hub/notes.git unknown")
	if exit == 0 || !strings.Contains(h.questions(), "Username for '"+h.url+"'") || strings.Contains(stderr, "oauthd") {
		t.Errorf("an unknown host: got exit %d, the questions %q, %s, want git to go on without oauthd", exit, h.questions(), stderr)
	}
	if err := os.Remove(h.asked); err != nil {
		t.Fatal(err)
	}
	h.allow(t, "hub", h.url)
	for _, o := range h.obstacles("hub", provider) {
		t.Run(o.name, func(t *testing.T) {
			if err := o.put(t); err != nil {
				t.Fatal(err)
			}
			exit, _, stderr := h.sh(t, "git clone -q "+h.url+"/hub/notes.git again")
			if exit == 0 || !strings.Contains(stderr, o.want) || h.questions() != "" {
				t.Errorf("got exit %d, the questions %q, %s; want a failure, no question, and %q", exit, h.questions(), stderr, o.want)
			}
		})
	}
}
