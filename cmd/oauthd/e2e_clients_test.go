//go:build linux

package main

import (
	"bufio"
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"oauthd/daemon"
	"oauthd/daemon/attend"
	"oauthd/daemon/config"
	"oauthd/daemon/oauthtest"
	"oauthd/ipc/api"
	"oauthd/ipc/client"
	"oauthd/keystore"
	"oauthd/keystore/storetest"

	"github.com/rs/zerolog"
)

var snippetMarker = regexp.MustCompile(`(?m)^-- (\S+) --\n`)

// snippets returns the programs of the page, by name.
func snippets(page string) map[string]string {
	found := map[string]string{}
	marks := snippetMarker.FindAllStringSubmatchIndex(page, -1)
	for i, m := range marks {
		end := len(page)
		if i+1 < len(marks) {
			end = marks[i+1][0]
		}
		found[page[m[2]:m[3]]] = page[m[1]:end]
	}
	return found
}

func TestClientsPage(t *testing.T) {
	if n := len(snippets(clientsPage)); n != len(snippetPrograms())+1 {
		t.Errorf("got %d programs on the page, want each to be run by a test", n)
	}
	for i, line := range strings.Split(clientsPage, "\n") {
		if n := utf8.RuneCountInString(line); n > 80 || strings.ContainsAny(line, "\t\r") {
			t.Errorf("line %d: got %d columns, a tab %t, want at most 80 and none", i+1, n, strings.Contains(line, "\t"))
		}
	}
	for _, args := range [][]string{{"help", "clients"}, {"clients"}, {"clients", "--help"}} {
		var stdout, stderr bytes.Buffer
		exit := run(t.Context(), args, stdio{strings.NewReader(""), &stdout, &stderr})
		if exit != 0 || strings.TrimSpace(stdout.String()) != strings.TrimSpace(clientsPage) || stderr.Len() != 0 {
			t.Errorf("oauthd %q: got exit %d, %d bytes, stderr %q, want the page of %d", args, exit, stdout.Len(), &stderr, len(clientsPage))
		}
	}
	var stdout bytes.Buffer
	if run(t.Context(), []string{"help"}, stdio{strings.NewReader(""), &stdout, &stdout}); !regexp.MustCompile(
		`Topics:\n(  .*\n)* +clients +tokens from`).Match(stdout.Bytes()) {
		t.Errorf("oauthd help: got %s, want the page listed", &stdout)
	}
}

// clientDesk is a person's session with a daemon in this process: the account work is logged in, and the account
// gone no longer is.
type clientDesk struct {
	ctx      context.Context // of the daemon
	dir      string          // XDG_RUNTIME_DIR, and where the page's programs are
	client   *client.Client
	provider *oauthtest.Running // of work
	api      *httptest.Server   // takes the newest token alone, and answers "let in"

	mu      sync.Mutex // guards the fields below
	refused string     // a token that the API does not take although it is the newest
	asked   int
}

func newDesktop(t *testing.T) *clientDesk {
	t.Helper()
	return newDesktopOf(t, nil)
}

// newDesktopOf is newDesktop with a person who can be asked; nil if nobody can.
func newDesktopOf(t *testing.T, person attend.Desktop) *clientDesk {
	t.Helper()
	dir, err := os.MkdirTemp("", "o") // a socket's path has to be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	d := &clientDesk{dir: dir}
	d.client = &client.Client{Socket: d.socket()}
	t.Cleanup(func() { _ = d.client.Close() })

	ctx, cancel := context.WithCancel(context.Background())
	d.ctx = ctx
	ready, over := make(chan struct{}), make(chan error, 1)
	go func() {
		over <- runDaemon(ctx, daemon.Config{
			Dir: filepath.Join(dir, "config"), Config: &config.Config{Backend: "memory"}, Store: &keystore.Memory{},
			Log: zerolog.Nop(), UID: os.Getuid(), Socket: d.socket(), Desktop: person,
		}, func(api.Status, error) { close(ready) })
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-over; err != nil {
			t.Errorf("the daemon: %v", err)
		}
	})
	select {
	case <-ready:
	case err := <-over:
		over <- nil
		t.Fatalf("the daemon: %v", err)
	}

	d.provider = d.login(t, "work")
	d.login(t, "gone")
	if _, err := d.client.Logout(t.Context(), "gone"); err != nil {
		t.Fatal(err)
	}
	d.api = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		newest, err := d.client.Token(r.Context(), api.TokenRequest{Account: "work"})
		d.mu.Lock()
		defer d.mu.Unlock()
		d.asked++
		if err != nil || newest.AccessToken == d.refused || r.Header.Get("Authorization") != "Bearer "+newest.AccessToken {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, _ = w.Write([]byte("let in"))
	}))
	t.Cleanup(d.api.Close)
	for name, text := range snippets(clientsPage) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return d
}

func (d *clientDesk) socket() string { return filepath.Join(d.dir, "oauthd", "oauthd.sock") }

// login logs an account in at a provider of its own, which it returns.
func (d *clientDesk) login(t *testing.T, name string) *oauthtest.Running {
	t.Helper()
	provider, err := oauthtest.Listen(oauthtest.Config{
		Clients:     []oauthtest.Client{{ID: "app", RedirectURIs: []string{"http://127.0.0.1/callback"}}},
		AutoApprove: true, AlwaysRefreshToken: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = provider.Close() })
	followed := make(chan error, 1)
	err = d.client.Login(t.Context(), name, api.AccountDefinition{Issuer: provider.Issuer(), ClientID: "app"}, func(e api.LoginEvent) error {
		if e.Event == api.EventAuthorize {
			go func() {
				_, err := oauthtest.Follow(context.Background(), nil, e.URL, oauthtest.Allow)
				followed <- err
			}()
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := <-followed; err != nil {
		t.Fatal(err)
	}
	return provider
}

// token is the daemon's token of work; force has it replaced first.
func (d *clientDesk) token(t *testing.T, force bool) string {
	t.Helper()
	token, err := d.client.Token(t.Context(), api.TokenRequest{Account: "work", Force: force})
	if err != nil {
		t.Fatal(err)
	}
	return token.AccessToken
}

// replace has the token of an account replaced.
func (d *clientDesk) replace(t *testing.T, name string) {
	t.Helper()
	if _, err := d.client.Token(t.Context(), api.TokenRequest{Account: name, Force: true}); err != nil {
		t.Fatal(err)
	}
}

// run runs a program in the desktop's directory, with vars in its environment.
func (d *clientDesk) run(t *testing.T, vars []string, argv ...string) (exit int, stdout, stderr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir = d.dir
	cmd.WaitDelay = time.Second
	cmd.Env = append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + d.dir, "GORACE=" + os.Getenv("GORACE"), "OAUTHD_NO_AUTOSTART=1",
	}, vars...)
	var out, problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problems
	if err := cmd.Run(); cmd.ProcessState == nil {
		t.Fatal(err)
	}
	if kinds := leaks(problems.String(), true); len(kinds) > 0 {
		t.Fatalf("%q: stderr shows %s", argv, strings.Join(kinds, ", "))
	}
	return cmd.ProcessState.ExitCode(), out.String(), problems.String()
}

// snippetPrograms are the page's programs that print a token, each with what runs it and what else that needs.
func snippetPrograms() map[string][]string {
	return map[string][]string{
		"token_line.py":  {"python3"},
		"token_http.py":  {"python3"},
		"token_line.mjs": {"node"},
		"token_http.mjs": {"node"},
		"token_line.sh":  {"sh", "nc", "jq"},
		"token_http.sh":  {"sh", "curl", "jq"},
	}
}

// TestClientsInOtherLanguages runs the programs of oauthd help clients.
func TestClientsInOtherLanguages(t *testing.T) {
	d := newDesktop(t)
	usual := "XDG_RUNTIME_DIR=" + d.dir
	for name, needs := range snippetPrograms() {
		t.Run(name, func(t *testing.T) {
			storetest.Need(t, needs...)
			program := needs[0]
			if program == "python3" {
				found, ok := pythonWith(t, program, "json")
				if !ok {
					t.Fatal("python3 does not run")
				}
				program = found
			}
			for _, tt := range []struct {
				name    string
				vars    []string
				replace bool // have the token replaced first
			}{
				{"the usual socket", []string{usual}, false},
				{"OAUTHD_SOCK", []string{"XDG_RUNTIME_DIR=/nowhere", "OAUTHD_SOCK=" + d.socket()}, false},
				{"a replaced token", []string{usual}, true},
			} {
				want := d.token(t, tt.replace)
				exit, stdout, stderr := d.run(t, tt.vars, program, name, "work")
				if exit != 0 || strings.TrimSpace(stdout) != want || stderr != "" {
					t.Errorf("%s: got exit %d, the token %t, stderr %q, want 0, the token and nothing",
						tt.name, exit, strings.TrimSpace(stdout) == want, stderr)
				}
			}
			for _, tt := range []struct{ name, account, want string }{
				{"a login has ended", "gone", "oauthd login gone"},
				{"there is no account", "nobody", "there is no account \"nobody\"\noauthd accounts lists them"},
			} {
				exit, stdout, stderr := d.run(t, []string{usual}, program, name, tt.account)
				if exit != 1 || stdout != "" || !strings.Contains(stderr, tt.want) || strings.Count(strings.TrimSpace(stderr), "\n") != 1 {
					t.Errorf("%s: got exit %d, %d bytes, stderr %q, want 1, none, message and hint", tt.name, exit, len(stdout), stderr)
				}
			}
			exit, stdout, stderr := d.run(t, []string{"OAUTHD_SOCK=" + d.dir + "/none"}, program, name, "work")
			if exit == 0 || stdout != "" || stderr == "" {
				t.Errorf("no daemon: got exit %d, %d bytes, stderr %q, want a failure that is told", exit, len(stdout), stderr)
			}
		})
	}
}

// pythonWith returns the file of a Python that has a module; false when that one has not. What is found on PATH may be a
// script that does not work in another home.
func pythonWith(t *testing.T, python, module string) (string, bool) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), python, "-c", "import sys, "+module+"; print(sys.executable)").Output()
	return strings.TrimSpace(string(out)), err == nil
}

// needPython returns a Python that has a module, in whatever version; the test is skipped without one.
func needPython(t *testing.T, module string) string {
	t.Helper()
	for _, python := range []string{"python3", "/usr/bin/python3"} {
		if found, ok := pythonWith(t, python, module); ok {
			return found
		}
	}
	if os.Getenv("OAUTHD_TEST_REQUIRE") != "" {
		t.Fatalf("no Python has %s, and OAUTHD_TEST_REQUIRE is set", module)
	}
	t.Skipf("no Python has %s", module)
	return ""
}

// googleDriver uses the page's class as a program of Google's libraries does. It answers each line on its standard input,
// and never says a token.
const googleDriver = `
import datetime, sys
import google.auth.exceptions, google.auth.transport.requests
from oauthd_google import Credentials

credentials = Credentials("work")
session = google.auth.transport.requests.AuthorizedSession(credentials)
for line in sys.stdin:
    if line == "call\n":
        before = credentials.token
        answer = session.get(sys.argv[1])
        print(answer.status_code, answer.text, credentials.valid, before != credentials.token, flush=True)
    elif line == "expiry\n":
        now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
        print(credentials.expiry.tzinfo, round((credentials.expiry - now).total_seconds() / 600), flush=True)
    elif line == "gone\n":
        try:
            Credentials("gone").refresh(None)
        except google.auth.exceptions.RefreshError as e:
            print(e, flush=True)
`

func TestGoogleAuthCredentials(t *testing.T) {
	python := needPython(t, "google.auth.transport.requests")
	d := newDesktop(t)
	ask, end := d.converse(t, python, "-W", "ignore", "-c", googleDriver, d.api.URL)
	for _, tt := range []struct {
		name, line string
		prepare    func()
		want       string
		requests   int // at the API
	}{
		{"a first call", "call", func() {}, "200 let in True True", 1},
		{"its expiry is naive UTC, in an hour", "expiry", func() {}, "None 6", 0},
		{"another call", "call", func() {}, "200 let in True False", 1},
		{"after another program had the token replaced", "call", func() { d.token(t, true) }, "200 let in True True", 2},
		{"after the API refused the newest", "call", func() { d.refuse(d.token(t, false)) }, "200 let in True True", 2},
		{"a login that has ended", "gone", func() {}, "oauthd login gone", 0},
	} {
		tt.prepare()
		before := d.requests()
		got := ask(tt.line)
		if !strings.Contains(got, tt.want) || len(leaks(got, true)) > 0 {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
		if n := d.requests() - before; n != tt.requests {
			t.Errorf("%s: got %d requests, want %d", tt.name, n, tt.requests)
		}
	}
	end()
}

// converse starts a program that answers each line on its standard input with one. At its end it has to have written
// nothing to standard error.
func (d *clientDesk) converse(t *testing.T, argv ...string) (ask func(line string) string, end func()) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	program := exec.CommandContext(ctx, argv[0], argv[1:]...)
	program.Dir = d.dir
	program.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + d.dir, "XDG_RUNTIME_DIR=" + d.dir, "GORACE=" + os.Getenv("GORACE"), "NO_PROXY=*",
	}
	var stderr bytes.Buffer
	program.Stderr = &stderr
	in, err := program.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := program.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	problems := func() string {
		if kinds := leaks(stderr.String(), true); len(kinds) > 0 {
			return "that shows " + strings.Join(kinds, ", ")
		}
		return stderr.String()
	}
	answers := bufio.NewReader(out)
	ask = func(line string) string {
		t.Helper()
		_, _ = in.Write([]byte(line + "\n"))
		answer, err := answers.ReadString('\n')
		if err != nil {
			_ = program.Wait()
			t.Fatalf("%s: %v, stderr %s", line, err, problems())
		}
		return answer
	}
	return ask, func() {
		t.Helper()
		_ = in.Close()
		if err := program.Wait(); err != nil || stderr.Len() > 0 {
			t.Errorf("at the end: got %v, stderr %s, want none", err, problems())
		}
	}
}

// refuse makes the API refuse a token.
func (d *clientDesk) refuse(token string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.refused = token
}

func (d *clientDesk) requests() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.asked
}
