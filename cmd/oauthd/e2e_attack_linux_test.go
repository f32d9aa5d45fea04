package main

import (
	"context"
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"oauthd/daemon/oauthtest"
	"oauthd/ipc/api"
	"oauthd/keystore/storetest"
)

// testAttacks has another user's shell scripts try what issue 13 lists, on a neighbour of theirs, part after part.
func testAttacks(t *testing.T, h *house) {
	t.Parallel()
	storetest.Need(t, "setpriv", "nc", "curl", "unshare", "/usr/bin/python3")
	if os.Getuid() != 0 {
		if os.Getenv("OAUTHD_TEST_REQUIRE") != "" {
			t.Fatal("needs root, to become another user")
		}
		t.Skip("needs root, to become another user")
	}
	t.Run("a daemon that runs", func(t *testing.T) { testAttacksOnDaemon(t, h) })
	t.Run("places that are taken first", func(t *testing.T) { testPlantedFirst(t, h) })
	t.Run("a false daemon", func(t *testing.T) { testFalseDaemon(t, h) })
	t.Run("a port that is taken first", func(t *testing.T) { testSquattedPort(t, h) })
	t.Run("a pid that is used again", func(t *testing.T) { testReusedPID(t, h) })
}

// victim is somebody whose account work has a token.
type victim struct {
	*neighbour
	provider *oauthtest.Running
	token    string
}

// newVictim logs in at a provider of its own. Its uid is nobody else's, because /tmp/oauthd-UID is the whole machine's.
func newVictim(t *testing.T, h *house) *victim {
	t.Helper()
	v := &victim{neighbour: newNeighbour(t, h, 1<<20+os.Getpid())}
	var err error
	v.provider, err = oauthtest.Listen(oauthtest.Config{
		Clients:     []oauthtest.Client{{ID: "app", RedirectURIs: []string{"http://127.0.0.1/callback", "http://localhost/callback"}}},
		AutoApprove: true, AlwaysRefreshToken: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = v.provider.Close() })
	if r := v.login(t, "work", "allow %s"); r.exit != 0 {
		t.Fatalf("login: got exit %d, %s", r.exit, r.stderr)
	}
	v.token = v.run(t, "token", "work").stdout
	daemon, err := os.FindProcess(v.daemon(t).pid) // a command may not reach it any more
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = daemon.Kill(); _ = daemon.Release() })
	return v
}

// login logs an account in with the user agent, which gets args.
func (v *victim) login(t *testing.T, name, agent string, args ...string) result {
	t.Helper()
	args = append([]string{"login", name, "--issuer", v.provider.Issuer(), "--client-id", "app", "--scope", "openid"}, args...)
	return v.runIn(t, "/", append(v.env, "BROWSER="+v.h.agent+" "+agent), args...)
}

func (v *victim) socket() string { return v.path("run/oauthd/oauthd.sock") }

// daemon is what nobody but its user changes: its process and its socket.
type daemonOf struct {
	pid    int
	inode  uint64
	mode   os.FileMode
	socket string
}

func (v *victim) daemon(t *testing.T) daemonOf {
	t.Helper()
	var s api.Status
	if r := v.run(t, "status", "--json"); json.Unmarshal([]byte(r.stdout), &s) != nil {
		t.Fatalf("status: got exit %d, %s", r.exit, r.stderr)
	}
	info, err := os.Lstat(s.Socket)
	if err != nil {
		t.Fatal(err)
	}
	return daemonOf{s.PID, info.Sys().(*syscall.Stat_t).Ino, info.Mode(), s.Socket}
}

// wantWell checks that the daemon is the one that was there before, and serves its user.
func (v *victim) wantWell(t *testing.T, before daemonOf) {
	t.Helper()
	if after := v.daemon(t); after != before {
		t.Errorf("the daemon: got %+v, want %+v", after, before)
	}
	if r := v.run(t, "accounts"); r.exit != 0 || !strings.Contains(r.stdout, "work") {
		t.Errorf("accounts: got exit %d, %s%s", r.exit, r.stdout, r.stderr)
	}
	if r := v.run(t, "token", "work"); r.exit != 0 || r.stdout != v.token {
		t.Errorf("token: got exit %d, the same token %v, %s", r.exit, r.stdout == v.token, r.stderr)
	}
}

// attacker is another user with a directory of their own, MINE in scripts.
type attacker struct {
	victim *victim
	dir    string
}

func newAttacker(t *testing.T, v *victim) *attacker {
	t.Helper()
	v.mkdir(t, nobody, "theirs")
	a := &attacker{v, v.path("theirs")}
	if err := os.Chmod(a.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return a
}

// askInShell has the function ask for scripts, which asks for a token at a socket.
const askInShell = "ask() { printf '{\"account\":\"work\"}\\n' | nc -NU \"$1\"; }\n"

func (a *attacker) command(ctx context.Context, script string, vars ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "setpriv", "--reuid", strconv.Itoa(nobody), "--regid", strconv.Itoa(nobody), "--clear-groups", "sh", "-c", askInShell+script)
	cmd.Dir = "/"
	cmd.Env = append(vars, "PATH=/usr/bin:/bin", "LC_ALL=C", "MINE="+a.dir, "SOCKET="+a.victim.socket())
	return cmd
}

// run runs a script, and returns all that it printed. It is an error that it has a token.
func (a *attacker) run(t *testing.T, script string, vars ...string) (out string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), waitLimit)
	defer cancel()
	text, err := a.command(ctx, script, vars...).CombinedOutput()
	if strings.Contains(string(text), "access_token") || strings.Contains(string(text), strings.TrimSpace(a.victim.token)) {
		t.Error("another user has a token")
		return "", err
	}
	return string(text), err
}

// falseDaemon listens at a path, or at a loopback address on a port of its own. It says a token to everybody, and
// repeats what it receives.
const falseDaemon = `import os, socket, sys
os.umask(0)
at = sys.argv[1]
if at.startswith("/"):
	s = socket.socket(socket.AF_UNIX)
	s.bind(at)
else:
	s = socket.socket(socket.AF_INET6 if ":" in at else socket.AF_INET)
	s.bind((at, 0))
	at = str(s.getsockname()[1])
s.listen()
print(at, file=sys.stderr, flush=True)
while True:
	c = s.accept()[0]
	try:
		c.sendall(b'{"access_token":"false","token_type":"Bearer","expires_in":3600,"scope":"openid"}\n')
		while received := c.recv(4096):
			os.write(1, received)
	except OSError:
		pass
	c.close()
`

// listener is a false daemon that runs.
type listener struct {
	at               string // a path or a port
	received, stderr transcript
}

func (a *attacker) listen(t *testing.T, at string) *listener {
	t.Helper()
	l := &listener{}
	cmd := a.command(context.WithoutCancel(t.Context()), `exec /usr/bin/python3 -c "$FALSE" `+at, "FALSE="+falseDaemon)
	cmd.Stdout, cmd.Stderr = &l.received, &l.stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { defer close(ended); _ = cmd.Wait() }()
	t.Cleanup(func() { _ = cmd.Process.Kill(); <-ended })
	if !poll(func() bool { return strings.Contains(l.stderr.String(), "\n") }) {
		t.Fatalf("nobody listens at %s", at)
	}
	l.at = strings.TrimSpace(l.stderr.String())
	return l
}

// wantNothing checks that a false daemon that listens has received nothing.
func (l *listener) wantNothing(t *testing.T, network, at string) {
	t.Helper()
	const here = "a test was here"
	c, err := net.Dial(network, at)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write([]byte(here)); err != nil {
		t.Fatal(err)
	}
	if !poll(func() bool { return strings.Contains(l.received.String(), here) }) || l.received.String() != here {
		t.Errorf("a false daemon received %q, want nothing but %q", l.received.String(), here)
	}
}

// denied is what the kernel says of files, and not permitted of processes and links.
const (
	denied       = "Permission denied"
	notPermitted = "Operation not permitted"
)

// testAttacksOnDaemon attacks a daemon as it is, and then again with its files as open as their user can make them
// without letting others change them.
func testAttacksOnDaemon(t *testing.T, h *house) {
	v := newVictim(t, h)
	a := newAttacker(t, v)
	f := a.listen(t, `"$MINE/false.sock"`)
	before := v.daemon(t)
	const unreached, forbidden = "Couldn't connect", `"code":"forbidden"`
	attack := func(t *testing.T, opened bool) {
		for _, tt := range []struct{ name, script, closed, opened string }{
			{"connect", `ask "$SOCKET"`, denied, forbidden},
			{"connect with HTTP", `curl -sS --unix-socket "$SOCKET" 'http://oauthd/v1/token?account=work'`, unreached, forbidden},
			{"end it over HTTP", `curl -sS --unix-socket "$SOCKET" -X POST http://oauthd/v1/shutdown`, unreached, forbidden},
			{"open", `cat <"$SOCKET"`, denied, "No such device or address"},
			{"a hard link", `ln -f "$SOCKET" "$MINE/hard" && ask "$MINE/hard"`, denied, notPermitted + "|" + forbidden},
			{"a symbolic link", `ln -sf "$SOCKET" "$MINE/soft" && ask "$MINE/soft"`, denied, forbidden},
			{"rename", `mv "$SOCKET" "$MINE/taken"`, denied, denied},
			{"rename its directory", `mv "${SOCKET%/*}" "$MINE/taken"`, denied, denied},
			{"replace", `mv -f "$MINE/false.sock" "$SOCKET"`, denied, denied},
			{"replace by a link", `ln -sf "$MINE/false.sock" "$SOCKET"`, denied, denied},
			{"remove", `rm -f "$SOCKET"`, denied, denied},
			{"change its mode", `chmod 666 "$SOCKET"`, denied, notPermitted},
			{"write into the lock", `echo '{"pid":1,"socket":"'"$MINE/false.sock"'"}' >"${SOCKET%sock}lock"`, denied, denied},
			{"kill", `kill -s KILL "$PID"`, notPermitted, notPermitted},
			{"kill its group", `env kill -s KILL -- "-$PID"`, notPermitted, notPermitted},
			{"stop", `kill -s STOP "$PID"`, notPermitted, notPermitted},
			{"have it reload", `kill -s HUP "$PID"`, notPermitted, notPermitted},
			{"its environment", `cat "/proc/$PID/environ"`, denied, denied},
			{"its memory", `cat "/proc/$PID/mem"`, denied, denied},
			{"its descriptors", `ls "/proc/$PID/fd"`, denied, denied},
		} {
			t.Run(tt.name, func(t *testing.T) {
				want := tt.closed
				if opened {
					want = tt.opened
				}
				if out, err := a.run(t, tt.script, "PID="+strconv.Itoa(before.pid)); !regexp.MustCompile(want).MatchString(out) {
					t.Errorf("got %v, %s, want %s", err, out, want)
				}
				v.wantWell(t, before)
			})
		}
	}
	t.Run("as it is", func(t *testing.T) { attack(t, false) })
	t.Run("opened", func(t *testing.T) {
		for path, mode := range map[string]os.FileMode{
			v.path("run"): 0o755, v.path("run/oauthd"): 0o755, v.socket(): 0o666, v.path("run/oauthd/oauthd.lock"): 0o644,
		} {
			if err := os.Chmod(path, mode); err != nil {
				t.Fatal(err)
			}
		}
		before = v.daemon(t)
		attack(t, true)
	})
	f.wantNothing(t, "unix", f.at)
}
