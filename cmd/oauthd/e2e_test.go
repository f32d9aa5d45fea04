//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"oauthd/ipc/api"
	"oauthd/keystore/storetest"

	"github.com/gofrs/flock"
)

// waitLimit ends a wait for something that does not come; nothing takes that long.
const waitLimit = time.Minute

// TestEndToEnd runs the program as it is built, against an independent OpenID provider, a real browser and a real
// keyring. Every part ends by looking for secrets in all that was printed, logged and written. The parts with the browser
// come one after another, the others beside each other.
func TestEndToEnd(t *testing.T) {
	storetest.Need(t, "go", "dbus-daemon", "gnome-keyring-daemon")
	h := newHouse(t)
	for _, part := range []struct {
		name string
		run  func(*testing.T, *house)
	}{
		{"a login in the browser", testBrowserLogin},
		{"a failed login in the browser", testBrowserFailures},
		{"a login that does not complete leaves nothing", testIncompleteLogin},
		{"rotation survives kill -9", testRotation},
		{"many callers cost one refresh", testManyCallers},
		{"logout revokes and forgets", testLogout},
		{"a client secret rests in the keyring", testClientSecret},
		{"explicit endpoints", testExplicitEndpoints},
		{"a locked keyring", testLockedKeyring},
		{"no keyring", testNoKeyring},
		{"the Go client", testGoClient},
		{"another user", testOtherUser},
	} {
		t.Run(part.name, func(t *testing.T) { part.run(t, h) })
	}
}

// house is what all parts share: the program and one browser.
type house struct {
	t       *testing.T // of all parts, for what ends with the last
	dir     string     // other users may enter it
	oauthd  string
	agent   string          // the user agent without a screen of TestMain
	browser context.Context // nil until a part needs it
}

// newHouse builds the program without the race detector, as people run it.
func newHouse(t *testing.T) *house {
	t.Helper()
	dir, err := os.MkdirTemp("", "oauthd-e2e-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	before := slog.Default() // which the provider's example server replaces
	t.Cleanup(func() { slog.SetDefault(before) })
	h := &house{t: t, dir: dir, oauthd: filepath.Join(dir, "oauthd"), agent: filepath.Join(dir, "agent")}
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-o", h.oauthd, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	agent, err := exec.LookPath("agent")
	if err != nil {
		t.Fatal(err)
	}
	// Now, because a program that is still being written when another one is started cannot be run.
	program, err := os.ReadFile(agent)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(h.agent, program, 0o755); err != nil {
		t.Fatal(err)
	}
	return h
}

// desk is a desktop session of one person: a home, a session bus, perhaps a keyring, and the daemon that they start.
type desk struct {
	oauthd   string
	dir      string // XDG_RUNTIME_DIR; HOME is dir/home
	env      []string
	keyring  *storetest.SecretService // nil where there is none
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

// result is how a command ended.
type result struct {
	exit           int
	stdout, stderr string
}

// command is an oauthd that runs.
type command struct {
	desk   *desk
	name   string
	cmd    *exec.Cmd
	stdout bytes.Buffer
	stderr transcript
	ended  chan struct{}
}

// run runs one oauthd to its end.
func (d *desk) run(t *testing.T, args ...string) result {
	t.Helper()
	return d.start(t, "", args...).wait(t)
}

// start starts an oauthd that reads stdin.
func (d *desk) start(t *testing.T, stdin string, args ...string) *command {
	t.Helper()
	c := &command{desk: d, name: "oauthd " + strings.Join(args, " "), ended: make(chan struct{})}
	c.cmd = exec.Command(d.oauthd, args...)
	c.cmd.Env = d.env
	c.cmd.Stdin = strings.NewReader(stdin)
	c.cmd.Stdout, c.cmd.Stderr = &c.stdout, &c.stderr
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(c.ended)
		_ = c.cmd.Wait()
	}()
	t.Cleanup(func() {
		_ = c.cmd.Process.Kill()
		<-c.ended
	})
	return c
}

// wait returns how the command ended, and keeps what it wrote for the search for secrets.
func (c *command) wait(t *testing.T) result {
	t.Helper()
	select {
	case <-c.ended:
	case <-time.After(waitLimit):
		t.Fatalf("%s: has not ended, stderr %s", c.name, c.desk.provider.redact(c.stderr.String()))
	}
	r := result{c.cmd.ProcessState.ExitCode(), c.stdout.String(), c.stderr.String()}
	c.desk.keep(output{c.name, "stdout", r.stdout, strings.HasPrefix(c.name, "oauthd token ")})
	c.desk.keep(output{c.name, "stderr", r.stderr, false})
	r.stderr = c.desk.provider.redact(r.stderr) // from here on it may be in a failure message
	return r
}

func (d *desk) keep(o output) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.output = append(d.output, o)
}

var authorizationURL = regexp.MustCompile(`(?m)^ +(http://\S+)\n`)

// url returns the authorization URL that a login has printed.
func (c *command) url(t *testing.T) string {
	t.Helper()
	deadline := time.After(waitLimit)
	for {
		changed := c.stderr.changes()
		if m := authorizationURL.FindStringSubmatch(c.stderr.String()); m != nil {
			return m[1]
		}
		select {
		case <-changed:
		case <-c.ended:
			r := c.wait(t)
			t.Fatalf("%s: got exit %d and no URL, stderr %s", c.name, r.exit, r.stderr)
		case <-deadline:
			t.Fatalf("%s: printed no URL", c.name)
		}
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

// status is what oauthd status tells.
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

// transcript is a buffer that tells when it grows.
type transcript struct {
	mu    sync.Mutex // guards the fields below
	text  bytes.Buffer
	grown chan struct{}
}

func (b *transcript) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.grown != nil {
		close(b.grown)
		b.grown = nil
	}
	return b.text.Write(p)
}

func (b *transcript) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// changes returns a channel that is closed at the next write.
func (b *transcript) changes() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.grown == nil {
		b.grown = make(chan struct{})
	}
	return b.grown
}
