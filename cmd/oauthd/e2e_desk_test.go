//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"oauthd/ipc/api"
	"oauthd/keystore/storetest"

	"github.com/gofrs/flock"
)

// desk is a desktop session of one person: a home, a session bus, perhaps a keyring, and the daemon that they start.
type desk struct {
	oauthd   string
	dir      string // XDG_RUNTIME_DIR; HOME is dir/home
	env      []string
	keyring  *storetest.SecretService // nil if there is none
	provider *zitadel

	mu     sync.Mutex // guards output
	output []output
}

// output is what one command wrote to one stream.
type output struct {
	command, stream, text string
	token                 bool // an access token belongs here
}

// newDesk starts a session with a keyring and a provider to log in at.
func newDesk(t *testing.T, h *house, k storetest.Keyring) *desk {
	t.Helper()
	keyring := storetest.StartKeyring(t, k)
	d := &desk{oauthd: h.oauthd, dir: keyring.Dir, env: keyring.Env(), keyring: keyring, provider: startZitadel(t)}
	t.Cleanup(func() { d.leave(t) })
	return d
}

// leave ends the daemon and looks for secrets where none may be.
func (d *desk) leave(t *testing.T) {
	if d.running() {
		if r := d.run(t, "stop"); r.exit != 0 {
			t.Errorf("oauthd stop: got exit %d, %s", r.exit, r.stderr)
			d.kill(t)
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, o := range d.output {
		for _, kind := range d.provider.leaks(o.text, !o.token) {
			t.Errorf("%s of %s holds %s", o.stream, o.command, kind)
		}
	}
	err := filepath.WalkDir(d.dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		for _, kind := range d.provider.leaks(string(text), true) {
			t.Errorf("the file %s holds %s", strings.TrimPrefix(path, d.dir), kind)
		}
		return err
	})
	if err != nil {
		t.Errorf("look for secrets in files: %v", err)
	}
}

func (d *desk) path(parts ...string) string {
	return filepath.Join(append([]string{d.dir, "home"}, parts...)...)
}

func (d *desk) lockFile() string { return d.path(".local", "state", "oauthd", "lock") }
func (d *desk) socket() string   { return filepath.Join(d.dir, "oauthd", "oauthd.sock") }
func (d *desk) accountFile(name string) string {
	return d.path(".config", "oauthd", "accounts", name+".toml")
}

// running reports whether a daemon holds its lock.
func (d *desk) running() bool {
	lock := flock.New(d.lockFile(), flock.SetFlag(os.O_RDONLY))
	defer lock.Close()
	free, err := lock.TryRLock()
	return err == nil && !free
}

// pid is the daemon's.
func (d *desk) pid(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile(d.lockFile())
	var f api.LockFile
	if err == nil {
		err = json.Unmarshal(text, &f)
	}
	if err != nil || f.PID <= 0 {
		t.Fatalf("the daemon's lock file: got pid %d, %v", f.PID, err)
	}
	return f.PID
}

// kill ends the daemon as a crash does, and returns when it is gone.
func (d *desk) kill(t *testing.T) {
	t.Helper()
	if err := syscall.Kill(d.pid(t), syscall.SIGKILL); err != nil {
		t.Fatalf("kill -9 the daemon: %v", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), waitLimit)
	defer cancel()
	lock := flock.New(d.lockFile(), flock.SetFlag(os.O_RDONLY))
	defer lock.Close()
	if _, err := lock.TryRLockContext(ctx, time.Millisecond); err != nil {
		t.Fatalf("the daemon still holds its lock after kill -9: %v", err)
	}
}

// login logs an account in, with a user agent that has no screen.
func (d *desk) login(t *testing.T, name string, args ...string) {
	t.Helper()
	c := d.start(t, "", append([]string{"login", name, "--no-browser"}, args...)...)
	d.provider.signIn(t, c.url(t))
	if r := c.wait(t); r.exit != 0 {
		t.Fatalf("%s: got exit %d, %s", c.name, r.exit, r.stderr)
	}
}

// loginWork logs the account work in at the provider's public client.
func (d *desk) loginWork(t *testing.T) {
	t.Helper()
	d.login(t, "work", d.workFlags()...)
}

func (d *desk) workFlags() []string {
	return []string{
		"--issuer", d.provider.issuer, "--client-id", publicClient,
		"--scope", "openid", "--scope", "email", "--scope", "profile",
	}
}

// token returns what oauthd token prints, which must succeed and be the provider's newest access token.
func (d *desk) token(t *testing.T, args ...string) string {
	t.Helper()
	r := d.run(t, append([]string{"token"}, args...)...)
	access, _ := d.provider.newest()
	if r.exit != 0 || r.stdout != access+"\n" {
		t.Fatalf("oauthd token %s: got exit %d, the newest token %t, stderr %s, want exit 0 and the newest token",
			strings.Join(args, " "), r.exit, r.stdout == access+"\n", r.stderr)
	}
	return access
}

// status is what oauthd status shows.
func (d *desk) status(t *testing.T) (s api.Status) {
	t.Helper()
	r := d.run(t, "status", "--json")
	if err := json.Unmarshal([]byte(r.stdout), &s); r.exit != 0 || err != nil {
		t.Fatalf("oauthd status --json: got exit %d, %v, %s", r.exit, err, r.stderr)
	}
	return s
}

// wantNothing checks that no trace of the account work is left.
func (d *desk) wantNothing(t *testing.T) {
	t.Helper()
	if items := d.keyring.Items(t); len(items) != 0 {
		t.Errorf("the keyring: got items %q, want none", items)
	}
	if _, err := os.Stat(d.accountFile("work")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the account's file: got %v, want none", err)
	}
}
