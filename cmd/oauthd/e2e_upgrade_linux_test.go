package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"oauthd/daemon/oauthtest"
	"oauthd/ipc/api"
	"oauthd/ipc/client"
)

// buildVersion builds the program as another version, one whose daemon rests after a second.
func (h *house) buildVersion(t *testing.T, version string) (program string) {
	t.Helper()
	overlay := map[string]map[string]string{"Replace": {}}
	for name, line := range map[string][2]string{
		"release.go":      {`const release = "` + release + `"`, `const release = "` + version + `"`},
		"process/rest.go": {"RestAfter = 15 * time.Second", "RestAfter = time.Second"},
	} {
		path, err := filepath.Abs(name)
		if err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(path)
		if err != nil || strings.Count(string(text), line[0]) != 1 {
			t.Fatalf("%s: got %v, want one line %q", name, err, line[0])
		}
		changed := filepath.Join(t.TempDir(), filepath.Base(name))
		if err := os.WriteFile(changed, []byte(strings.Replace(string(text), line[0], line[1], 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		overlay["Replace"][path] = changed
	}
	text, err := json.Marshal(overlay)
	list := filepath.Join(t.TempDir(), "overlay.json")
	if err := errors.Join(err, os.WriteFile(list, text, 0o600)); err != nil {
		t.Fatal(err)
	}
	program = filepath.Join(h.dir, "oauthd-"+version)
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-overlay", list, "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return program
}

// takenOver waits until the daemon of that pid runs program, without a request that would keep it from resting.
func takenOver(t *testing.T, pid int, path string) {
	t.Helper()
	exe := fmt.Sprintf("/proc/%d/exe", pid)
	if !poll(func() bool { now, err := os.Readlink(exe); return err == nil && now == path }) {
		t.Fatal("the new program does not take over")
	}
}

// testUpgrade replaces a program by another version of it while its daemon runs: with a token before, meanwhile and after,
// and with logins under way, which nothing cuts. Then it goes back to the older version.
func testUpgrade(t *testing.T, h *house) {
	if os.Getuid() != 0 {
		t.Skip("a daemon that cannot be dumped shows its /proc entry to root alone")
	}
	t.Parallel()
	const before, after = "0.0.9", "0.2.0"
	older, newer := h.buildVersion(t, before), h.buildVersion(t, after)
	p := newTenant(t, h)
	p.install(t, older)
	p.write(t, ".config/oauthd/config.toml", "[keystore]\nbackend = \"file\"\n")
	p.write(t, "passphrase", "correct horse battery staple\n")
	p.env = append(p.env, "OAUTHD_PASSPHRASE_FILE="+filepath.Join(p.dir, "passphrase"))
	provider, err := oauthtest.Listen(oauthtest.Config{
		Clients:     []oauthtest.Client{{ID: "app", RedirectURIs: []string{"http://127.0.0.1/callback"}}},
		AutoApprove: true, AlwaysRefreshToken: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = provider.Close() })
	login := []string{"--issuer", provider.Issuer(), "--client-id", "app"}
	if r := p.runWith([]string{"BROWSER=" + h.agent + " allow %s"}, append([]string{"login", "work"}, login...)...); r.exit != 0 {
		t.Fatalf("login: got exit %d, %s", r.exit, r.stderr)
	}
	token := p.run("token", "work")
	was := p.status(t)
	if token.exit != 0 || was.Version != before {
		t.Fatalf("before: got exit %d, version %s, %s", token.exit, was.Version, token.stderr)
	}

	c := client.Client{Socket: p.socket()}
	defer c.Close()
	begin := func(name string, timeout int64) (page string, ended <-chan error) {
		pages, over := make(chan string, 1), make(chan error, 1)
		go func() {
			def := api.AccountDefinition{Issuer: provider.Issuer(), ClientID: "app", Timeout: timeout}
			over <- c.Login(t.Context(), name, def, func(e api.LoginEvent) error {
				if e.Event == api.EventAuthorize {
					pages <- e.URL
				}
				return nil
			})
		}()
		select {
		case page = <-pages:
		case err := <-over:
			t.Fatalf("login %s: %v", name, err)
		}
		return page, over
	}
	page, slow := begin("slow", 0)
	_, forgotten := begin("forgotten", 5)
	p.install(t, newer)
	p.want(t, 0, before+" (this program is "+after+"); "+after+" is installed: a login is under way", "status")
	if r := p.run("token", "work"); r.stdout != token.stdout {
		t.Errorf("a newer program, an older daemon: got exit %d, %s, want the same token", r.exit, r.stderr)
	}
	// The daemon has rested by the time that nobody has come.
	if err := <-forgotten; !errors.Is(err, &api.Error{Code: api.LoginTimeout}) {
		t.Errorf("a login under way: got %v, want its own time-out", err)
	}
	if now := p.status(t); now.Version != before || !now.StartedAt.Equal(was.StartedAt) {
		t.Errorf("while a login is under way: got version %s, started at %v, want the old daemon", now.Version, now.StartedAt)
	}
	if _, err := oauthtest.Follow(context.Background(), nil, page, oauthtest.Allow); err != nil {
		t.Fatal(err)
	}
	if err := <-slow; err != nil {
		t.Errorf("a login under way: got %v", err)
	}

	takenOver(t, was.PID, p.oauthd)
	now := p.status(t)
	if now.Version != after || now.Upgrade != nil || now.PID != was.PID || len(now.Accounts) != 2 {
		t.Errorf("after: got %+v", now)
	}
	for _, name := range []string{"work", "slow"} {
		p.want(t, 0, "", "token", name)
	}
	token = p.run("token", "work")
	p.want(t, 0, after+" (this program is "+before+")", older, "status")
	if r := p.run(older, "token", "work"); r.stdout != token.stdout || r.exit != 0 {
		t.Errorf("an older program, a newer daemon: got exit %d, %s, want the same token", r.exit, r.stderr)
	}

	p.install(t, older)
	p.want(t, 0, after+" (this program is "+before+"); "+before+" takes over at the next idle moment", "status")
	takenOver(t, was.PID, p.oauthd)
	p.want(t, 0, "", "token", "work")
	if back := p.status(t); back.Version != before || back.PID != was.PID {
		t.Errorf("back: got %+v", back)
	}
}
