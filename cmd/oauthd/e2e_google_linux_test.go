package main

import (
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"oauthd/daemon/oauthtest"
	"oauthd/ipc/api"
	"oauthd/ipc/client"
	"oauthd/ipc/emulate"
	"oauthd/ipc/emulate/gce"
)

const pythonClient = `
import sys, time, google.auth
from google.auth.transport.requests import AuthorizedSession
credentials, project = google.auth.default(scopes=["openid"])
session, seen = AuthorizedSession(credentials, max_refresh_attempts=0), set()
while len(seen) < 3:
    session.get(sys.argv[1]).raise_for_status()
    seen.add(credentials.token)
    time.sleep(0.1)
print(project, credentials.service_account_email, len(seen))
`

const nodeClient = `
const {GoogleAuth} = require("google-auth-library");
(async () => {
  const auth = new GoogleAuth({scopes: ["openid"]}), client = await auth.getClient(), seen = new Set();
  while (seen.size < 3) {
    await client.request({url: process.argv[1], retry: false});
    seen.add((await client.getAccessToken()).token);
    await new Promise(done => setTimeout(done, 100));
  }
  console.log(await auth.getProjectId(), (await auth.getCredentials()).client_email, seen.size);
})().catch(err => { console.error(err.message); process.exit(1); });
`

// nodePackages returns where npm's packages for these tests are, for NODE_PATH, if the one of that name is there.
func nodePackages(t *testing.T, name string) string {
	t.Helper()
	needProgram(t, "node")
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(cache, "oauthd-tests", "node_modules")
	if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
		if os.Getenv("OAUTHD_TEST_REQUIRE") != "" {
			t.Fatalf("npm's %s is not installed, and OAUTHD_TEST_REQUIRE is set", name)
		}
		t.Skipf("npm's %s is not installed", name)
	}
	return dir
}

// needGoogleAuth skips a test if Debian's Python has no google-auth, and returns that Python.
func needGoogleAuth(t *testing.T) string {
	t.Helper()
	const python = "/usr/bin/python3"
	if _, err := os.Stat("/usr/lib/python3/dist-packages/google/auth"); err != nil {
		needProgram(t, "python3-google-auth") // which is no program, and so not there
	}
	return python
}

// withEmail has ada log in as work, and sets the project for Google's libraries.
func withEmail(t *testing.T, cfg oauthtest.Config) *seat {
	t.Helper()
	s := newSeat(t, cfg)
	s.env = append(s.env, "BROWSER=agent allow %s", "GOOGLE_CLOUD_PROJECT=box-1")
	exit, _, stderr := s.run(t, "", "oauthd", "login", "work", "--issuer", s.provider.Issuer(), "--client-id", "native",
		"--scope", "openid", "--scope", "email", "--scope", "profile")
	if exit != 0 {
		t.Fatalf("log in: got exit status %d, %s", exit, stderr)
	}
	return s
}

// TestGoogleLibraries has programs that know nothing of oauthd use a resource for longer than a token lives.
func TestGoogleLibraries(t *testing.T) {
	for _, tt := range []struct {
		name    string
		program func(t *testing.T, s *seat) []string
		want    string
	}{
		{"Go", func(*testing.T, *seat) []string { return []string{"google-client"} }, "box-1 ada@example.com 0 3\n"},
		{"Python", func(t *testing.T, s *seat) []string {
			return []string{needGoogleAuth(t), "-c", pythonClient}
		}, "box-1 ada@example.com 3\n"},
		{"Node", func(t *testing.T, s *seat) []string {
			s.env = append(s.env, "NODE_PATH="+nodePackages(t, "google-auth-library"))
			return []string{"node", "-e", nodeClient}
		}, "box-1 ada@example.com 3\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := withEmail(t, oauthtest.Config{AccessTokenLifetime: 6 * time.Second})
			// What a person may have set, and a proxy that leads nowhere.
			s.env = append(s.env, "NO_GCE_CHECK=true", "GOOGLE_APPLICATION_CREDENTIALS=/nonexistent", "http_proxy=http://127.0.0.1:1", "no_proxy=localhost")
			argv := append([]string{"oauthd", "exec", "--google", "work", "--"}, tt.program(t, s)...)
			exit, stdout, stderr := s.run(t, "", append(argv, s.provider.Issuer()+"/api/hello")...)
			if exit != 0 || stdout != tt.want || stderr != "" {
				t.Errorf("got exit status %d, %q, %s, want %q", exit, stdout, stderr, tt.want)
			}
			if n := s.provider.TokenRequests("refresh_token"); n > 40 {
				t.Errorf("the provider was asked %d times", n)
			}
		})
	}
}

// TestGoogleErrors looks at what programs show when there is no token. The message is on standard error once from the
// server, however often a program asks, and once more if the program shows it.
func TestGoogleErrors(t *testing.T) {
	for _, program := range []struct {
		name  string
		argv  func(t *testing.T, s *seat) []string
		shows int
	}{
		{"curl", func(t *testing.T, _ *seat) []string {
			needProgram(t, "curl")
			return []string{"sh", "-c", strings.Repeat(getMetadata+"token -o /dev/null; ", 2) + "exit 1"}
		}, 1},
		{"Go", func(*testing.T, *seat) []string { return []string{"google-client", "http://127.0.0.1:1"} }, 2},
		{"Python", func(t *testing.T, _ *seat) []string {
			return []string{needGoogleAuth(t), "-c", pythonClient, "http://127.0.0.1:1"}
		}, 2},
		{"Node", func(t *testing.T, s *seat) []string {
			s.env = append(s.env, "NODE_PATH="+nodePackages(t, "google-auth-library"))
			return []string{"node", "-e", nodeClient, "http://127.0.0.1:1"}
		}, 2},
	} {
		for _, tt := range []struct {
			name    string
			trouble string // what a shell does before the program begins
			message string
		}{
			{"locked", "oauthd lock", "oauthd: oauthd is locked"},
			{"login needed", "oauthd logout work", "oauthd: work needs a login"},
			{"outage", outage, "hint: you are still logged in; try again later"},
		} {
			t.Run(program.name+"/"+tt.name, func(t *testing.T) {
				t.Parallel()
				s := withEmail(t, oauthtest.Config{AccessTokenLifetime: 2 * time.Second})
				argv := program.argv(t, s)
				if tt.trouble == outage {
					go s.endProvider()
				}
				exit, stdout, stderr := s.run(t, "", append([]string{"oauthd", "exec", "--google", "work", "--",
					"sh", "-c", "{ " + tt.trouble + `; } >/dev/null 2>&1; exec "$@"`, "sh"}, argv...)...)
				if exit != 1 || stdout != "" {
					t.Errorf("got exit status %d, %q, want 1", exit, stdout)
				}
				// Python's shows it in each exception of a chain, on the line of another one's name.
				own := strings.Count("\n"+stderr, "\n"+tt.message)
				if all := strings.Count(stderr, tt.message); own < 1 || all < program.shows || program.shows == 1 && all > 1 {
					t.Errorf("standard error shows %q %d times, want %d:\n%s", tt.message, all, program.shows, stderr)
				}
			})
		}
	}
}

// outage is what a shell says to wait until tokens have ended and no more are to be had, see [seat.endProvider].
const outage = "touch began; until test -e gone; do sleep 0.05; done; while oauthd token work; do sleep 0.1; done"

// endProvider has the provider fail from the moment at which outage begins.
func (s *seat) endProvider() {
	poll(func() bool { _, err := os.Stat(filepath.Join(s.dir, "began")); return err == nil })
	s.provider.Always(oauthtest.Token, oauthtest.Status(http.StatusServiceUnavailable))
	_ = os.WriteFile(filepath.Join(s.dir, "gone"), nil, 0o600)
}

// TestGoogleProgramsThatGetNothing names an account that has no token: nothing is started.
func TestGoogleProgramsThatGetNothing(t *testing.T) {
	s := withEmail(t, oauthtest.Config{})
	for _, tt := range []struct {
		argv []string
		exit int
		want string
	}{
		{[]string{"--google", "home"}, 2, `there is no account "home"`},
		{[]string{"--google", "No such name"}, 2, `"No such name" cannot be an account name`},
		{[]string{"--google", "work", "--scope", "calendar.write"}, 3, "calendar.write"},
	} {
		exit, stdout, stderr := s.run(t, "", append(append([]string{"oauthd", "exec"}, tt.argv...), "--", "echo", "started")...)
		if exit != tt.exit || stdout != "" || !strings.Contains(stderr, tt.want) {
			t.Errorf("%q: got exit status %d, %q, %s, want %d, %q", tt.argv, exit, stdout, stderr, tt.exit, tt.want)
		}
	}
	left, err := filepath.Glob(filepath.Join(s.runtimeDir(t), "oauthd", "emulate", "*"))
	if err != nil || len(left) > 0 {
		t.Errorf("%q are left, %v", left, err)
	}
}

// TestGcloud runs Google's own command, which no registry carries. It would remember elsewhere that it is on none of
// Google's machines.
func TestGcloud(t *testing.T) {
	gcloud, err := exec.LookPath("gcloud")
	if err != nil {
		t.Skip("there is no gcloud here, and no registry carries it")
	}
	s := withEmail(t, oauthtest.Config{})
	_, token, _ := s.run(t, "", "oauthd", "token", "work")
	exit, stdout, stderr := s.run(t, "", "oauthd", "exec", "--google", "work", "--google-project", "box-2", "--", "sh", "-c",
		gcloud+" config config-helper --format='value(configuration.properties.core.account, configuration.properties.core.project, credential.access_token)'; "+
			gcloud+" auth application-default print-access-token")
	token = strings.TrimSpace(token)
	if want := "ada@example.com\tbox-2\t" + token + "\n" + token + "\n"; exit != 0 || stdout != want {
		t.Errorf("got exit status %d, %q, %s, want %q", exit, stdout, stderr, want)
	}
	if _, err := os.Stat(filepath.Join(s.home, ".config", "gcloud")); err == nil {
		t.Error("gcloud saved something in the person's own directory")
	}
	exit, stdout, stderr = s.run(t, "", "oauthd", "exec", "--google", "work", "--", "sh", "-c", "oauthd lock; exec "+gcloud+" auth print-access-token")
	if exit != 1 || stdout != "" || strings.Count(stderr, "oauthd: oauthd is locked") != 1 {
		t.Errorf("locked: got exit status %d, %q, %s", exit, stdout, stderr)
	}
}

// TestGoogleLibrariesBehindASecret runs the libraries that keep the path of the URL, at a server that knows its callers by a
// secret in that path alone.
func TestGoogleLibrariesBehindASecret(t *testing.T) {
	s := withEmail(t, oauthtest.Config{AccessTokenLifetime: 6 * time.Second})
	l, err := emulate.Listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	at := endpoint{Address: l.Addr().String(), Secret: "5ec3e7", Dir: t.TempDir()}
	g := &google{Config: gce.Config{Request: api.TokenRequest{Account: "work"}, Email: "ada@example.com", Project: "box-1"}}
	c := &client.Client{Socket: filepath.Join(s.runtimeDir(t), "oauthd", "oauthd.sock")}
	defer c.Close()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- emulate.Serve(ctx, l, at.Checked, g.handler(at, c, func(err error) {
			if err != nil {
				t.Errorf("the daemon: %v", err)
			}
		}))
	}()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	changes, err := g.environment(at)
	if err != nil {
		t.Fatal(err)
	}
	s.env = withChanges(s.env, changes)
	for _, argv := range [][]string{{"google-client"}, {needGoogleAuth(t), "-c", pythonClient}} {
		exit, stdout, stderr := s.run(t, "", append(argv, s.provider.Issuer()+"/api/hello")...)
		if exit != 0 || !strings.HasPrefix(stdout, "box-1 ada@example.com ") || stderr != "" {
			t.Errorf("%s: got exit status %d, %q, %s", argv[0], exit, stdout, stderr)
		}
	}
}
