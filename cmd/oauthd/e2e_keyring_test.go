//go:build linux

package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"oauthd/ipc/api"
	"oauthd/keystore/storetest"
)

func testIncompleteLogin(t *testing.T, h *house) {
	t.Parallel()
	d := newDesk(t, h, storetest.Keyring{})
	t.Run("Ctrl-C", func(t *testing.T) {
		login := d.start(t, "", append([]string{"login", "work", "--no-browser"}, d.workFlags()...)...)
		login.url(t)
		if err := login.cmd.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		if r := login.wait(t); r.exit != exitInterrupted {
			t.Errorf("got exit %d, stderr %s, want %d", r.exit, r.stderr, exitInterrupted)
		}
		d.wantNothing(t)
	})
	t.Run("time-out", func(t *testing.T) {
		r := d.run(t, append([]string{"login", "work", "--no-browser", "--timeout", "1s"}, d.workFlags()...)...)
		if r.exit != api.LoginTimeout.ExitStatus() || !strings.Contains(r.stderr, "hint: ") {
			t.Errorf("got exit %d, stderr %s, want %d and a hint", r.exit, r.stderr, api.LoginTimeout.ExitStatus())
		}
		d.wantNothing(t)
	})
	t.Run("the provider is not there", func(t *testing.T) {
		r := d.run(t, "login", "work", "--no-browser", "--issuer", d.provider.issuer+"elsewhere", "--client-id", publicClient)
		if r.exit != api.ConfigInvalid.ExitStatus() || !strings.Contains(r.stderr, "hint: ") {
			t.Errorf("got exit %d, stderr %s, want %d and a hint", r.exit, r.stderr, api.ConfigInvalid.ExitStatus())
		}
		d.wantNothing(t)
	})
}

func testRotation(t *testing.T, h *house) {
	t.Parallel()
	d := newDesk(t, h, storetest.Keyring{})
	d.loginWork(t)
	access, refresh := d.provider.newest()
	for range 3 {
		next := d.token(t, "work", "--force")
		if next == access {
			t.Error("--force: got the access token that was there, want another")
		}
		if d.provider.alive(t, refresh) {
			t.Error("--force: the refresh token that was spent is still alive, so the provider does not rotate")
		}
		access, refresh = d.provider.newest()
	}
	for range 3 {
		d.kill(t) // right after a refresh: what was served has been saved
		if next := d.token(t, "work"); next == access {
			t.Error("after kill -9: got the access token of the daemon that is dead, want a refreshed one")
		}
		access = d.token(t, "work", "--force")
	}
	if got, want := d.provider.refreshCount(), 9; got != want {
		t.Errorf("got %d refreshes, want %d", got, want)
	}
	if got, want := d.provider.authorizeCount(), 1; got != want {
		t.Errorf("got %d logins, want %d", got, want)
	}
}

func testManyCallers(t *testing.T, h *house) {
	t.Parallel()
	const callers = 32
	d := newDesk(t, h, storetest.Keyring{})
	d.provider.set(2*time.Second, false)
	d.loginWork(t)
	awaitExpiry(t, d)
	d.provider.set(5*time.Minute, false)

	everybody := func(t *testing.T, meanwhile func()) {
		before := d.provider.refreshCount()
		var commands []*command
		for range callers {
			commands = append(commands, d.start(t, "", "token", "work"))
		}
		meanwhile()
		served := 0
		var complaint string
		for _, c := range commands {
			r := c.wait(t)
			if access, _ := d.provider.newest(); r.exit == 0 && r.stdout == access+"\n" {
				served++
			} else {
				complaint = r.stderr
			}
		}
		if served != callers {
			t.Errorf("got %d of %d callers served with the newest token, another's stderr: %s", served, callers, complaint)
		}
		if got := d.provider.refreshCount() - before; got != 1 {
			t.Errorf("got %d refreshes, want 1", got)
		}
	}
	t.Run("at an expired token", func(t *testing.T) {
		release := d.provider.hold()
		defer release()
		everybody(t, func() {
			waitFor(t, "all callers at the socket", func() bool { return connections(t, d.socket()) >= callers })
			release()
		})
	})
	t.Run("where no daemon runs", func(t *testing.T) {
		d.kill(t)
		everybody(t, func() {})
	})
}

// awaitExpiry waits until the token of work is past its end.
func awaitExpiry(t *testing.T, d *desk) {
	t.Helper()
	s := d.status(t)
	if len(s.Accounts) != 1 || s.Accounts[0].ExpiresAt == nil {
		t.Fatalf("status: got %d accounts, want one whose token has an end", len(s.Accounts))
	}
	<-time.After(time.Until(s.Accounts[0].ExpiresAt.Add(time.Second))) // it is told in whole seconds
}

// waitFor looks at a condition of another process, which nothing reports, until it holds.
func waitFor(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(waitLimit)
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// connections counts the connections that the listener at path has (proc(5)).
func connections(t *testing.T, path string) int {
	t.Helper()
	table, err := os.ReadFile("/proc/net/unix")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Count(string(table), " "+path+"\n") - 1 // the listener itself
}

func testLogout(t *testing.T, h *house) {
	t.Parallel()
	d := newDesk(t, h, storetest.Keyring{})
	for _, tc := range []struct {
		name     string
		args     []string
		fileGoes bool
	}{
		{"logout", []string{"logout", "work"}, false},
		{"account remove", []string{"account", "remove", "work"}, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d.loginWork(t)
			_, refresh := d.provider.newest()
			if !d.provider.alive(t, refresh) {
				t.Fatal("the refresh token is dead before the logout")
			}
			r := d.run(t, tc.args...)
			if r.exit != 0 || !strings.Contains(r.stdout, "revoked at the provider") || strings.Contains(r.stdout, "not revoked") {
				t.Errorf("got exit %d, stdout %q, stderr %s, want it revoked", r.exit, r.stdout, r.stderr)
			}
			if d.provider.alive(t, refresh) {
				t.Error("the refresh token is still alive at the provider")
			}
			if items := d.keyring.Items(t); len(items) != 0 {
				t.Errorf("the keyring: got items %q, want none", items)
			}
			_, err := os.Stat(d.accountFile("work"))
			if gone := errors.Is(err, fs.ErrNotExist); gone != tc.fileGoes {
				t.Errorf("the account's file: got gone %t, want %t", gone, tc.fileGoes)
			}
			want := api.LoginRequired
			if tc.fileGoes {
				want = api.UnknownAccount
			}
			if r := d.run(t, "token", "work"); r.exit != want.ExitStatus() || r.stdout != "" {
				t.Errorf("oauthd token: got exit %d, stderr %s, want %d (%s)", r.exit, r.stderr, want.ExitStatus(), want)
			}
		})
	}
}

func testClientSecret(t *testing.T, h *house) {
	t.Parallel()
	d := newDesk(t, h, storetest.Keyring{})
	login := d.start(t, clientSecret+"\n", "login", "work", "--no-browser", "--issuer", d.provider.issuer,
		"--client-id", confidentialClient, "--client-secret-stdin", "--scope", "openid")
	d.provider.signIn(t, login.url(t))
	if r := login.wait(t); r.exit != 0 {
		t.Fatalf("oauthd login: got exit %d, %s", r.exit, r.stderr)
	}
	if !d.provider.saw(clientSecret) {
		t.Error("the client secret did not reach the provider whole")
	}
	d.token(t, "work", "--force")
	d.kill(t)
	d.token(t, "work")

	t.Run("a new login needs no secret", func(t *testing.T) { d.login(t, "work") })
}

func testLockedKeyring(t *testing.T, h *house) {
	t.Parallel()
	t.Run("login", func(t *testing.T) {
		d := newDesk(t, h, storetest.Keyring{Locked: true})
		r := d.run(t, append([]string{"login", "work", "--no-browser"}, d.workFlags()...)...)
		wantRefusedBeforeBrowser(t, d, r, api.KeystoreLocked)
	})
	t.Run("a token at hand is served", func(t *testing.T) {
		d := newDesk(t, h, storetest.Keyring{})
		d.loginWork(t)
		_, refresh := d.provider.newest()
		d.keyring.Lock(t)
		d.token(t, "work")
		r := d.run(t, "token", "work", "--force")
		if r.exit != api.KeystoreLocked.ExitStatus() || !strings.Contains(r.stderr, "hint: ") {
			t.Errorf("--force: got exit %d, stderr %s, want %d and a hint", r.exit, r.stderr, api.KeystoreLocked.ExitStatus())
		}
		if got := d.provider.refreshCount(); got != 0 || !d.provider.alive(t, refresh) {
			t.Errorf("got %d refreshes while nothing could be saved, want none", got)
		}
		d.token(t, "work")
		if got := d.status(t).Store.State; got != "locked" {
			t.Errorf("status: got store %q, want locked", got)
		}
	})
}

func testNoKeyring(t *testing.T, h *house) {
	t.Parallel()
	address := storetest.StartBus(t)
	dir, err := os.MkdirTemp("", "o") // t.TempDir is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Mkdir(filepath.Join(dir, "home"), 0o700); err != nil {
		t.Fatal(err)
	}
	d := &desk{oauthd: h.oauthd, dir: dir, provider: startZitadel(t), env: []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + filepath.Join(dir, "home"), "XDG_RUNTIME_DIR=" + dir,
		"DBUS_SESSION_BUS_ADDRESS=" + address,
	}}
	t.Cleanup(func() { d.leave(t) })
	r := d.run(t, append([]string{"login", "work", "--no-browser"}, d.workFlags()...)...)
	wantRefusedBeforeBrowser(t, d, r, api.KeystoreUnavailable)
	if !strings.Contains(r.stderr, "a command started automatically") || !strings.Contains(r.stderr, "--store memory") {
		t.Errorf("got stderr %s, want who started the daemon and the choices", r.stderr)
	}
}

// wantRefusedBeforeBrowser checks that a login ended with code before anybody was asked to open anything.
func wantRefusedBeforeBrowser(t *testing.T, d *desk, r result, code api.Code) {
	t.Helper()
	if r.exit != code.ExitStatus() || r.stdout != "" || !strings.Contains(r.stderr, "hint: ") {
		t.Errorf("oauthd login: got exit %d, stdout %q, stderr %s, want %d and a hint", r.exit, r.stdout, r.stderr, code.ExitStatus())
	}
	if authorizationURL.MatchString(r.stderr) {
		t.Error("an authorization URL was printed although nothing could be kept")
	}
	if _, err := os.Stat(d.accountFile("work")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the account's file: got %v, want none", err)
	}
}
