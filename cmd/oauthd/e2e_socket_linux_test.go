package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"oauthd/daemon/oauthtest"
	"oauthd/ipc/api"
	"oauthd/keystore/storetest"
)

// far runs a program at the other end of a restricted socket, which has no variables but env.
type far func(env []string, program string, args ...string) result

// newDeskOfTwo is a tenant with two accounts, work and home, and a directory for restricted sockets.
func newDeskOfTwo(t *testing.T, h *house) (*tenant, *oauthtest.Running) {
	t.Helper()
	if os.Getuid() != 0 {
		if os.Getenv("OAUTHD_TEST_REQUIRE") != "" {
			t.Fatal("needs root, to become another user and to mount")
		}
		t.Skip("needs root, to become another user and to mount")
	}
	p := newTenant(t, h)
	provider, err := oauthtest.Listen(oauthtest.Config{
		Clients:     []oauthtest.Client{{ID: "app", RedirectURIs: []string{"http://127.0.0.1/callback"}}},
		AutoApprove: true, AlwaysRefreshToken: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = provider.Close() })
	for _, name := range []string{"work", "home"} {
		r := p.runWith([]string{"BROWSER=" + h.agent + " allow %s"}, "login", name,
			"--issuer", provider.Issuer(), "--client-id", "app", "--scope", "openid", "--scope", "email")
		if r.exit != 0 {
			t.Fatalf("login %s: got exit %d, %s", name, r.exit, r.stderr)
		}
	}
	return p, provider
}

// restricted makes a socket for work and the scope openid, and returns its path.
func (p *tenant) restricted(t *testing.T, name string, flags ...string) string {
	t.Helper()
	path := filepath.Join(p.dir, "box", name)
	r := p.run(append([]string{"socket", "create", path, "--account", "work", "--scope", "openid"}, flags...)...)
	if r.exit != 0 || r.stdout != path+"\n" {
		t.Fatalf("socket create: got exit %d, %q, %s", r.exit, r.stdout, r.stderr)
	}
	return path
}

// wantWorkAlone checks that programs at the far end get the token of work within the socket's scope, and nothing else.
func wantWorkAlone(t *testing.T, far far, oauthd, socket string, provider *oauthtest.Running) {
	t.Helper()
	env := []string{"OAUTHD_SOCK=" + socket, "OAUTHD_SOCK_UID=" + strconv.Itoa(os.Getuid()), "OAUTHD_NO_AUTOSTART=1"}
	curl := func(args ...string) result {
		return far(nil, "/usr/bin/curl", append([]string{"-sS", "--max-time", "30", "--unix-socket", socket}, args...)...)
	}
	var answer struct {
		Account string
		Scope   string
		Token   string `json:"access_token"`
	}
	r := curl("http://oauthd/v1/token")
	if err := json.Unmarshal([]byte(r.stdout), &answer); err != nil || answer.Account != "work" || answer.Scope != "openid" {
		t.Fatalf("curl: got exit %d, account %q, scope %q, %v, %s, want work and openid",
			r.exit, answer.Account, answer.Scope, err, r.stderr)
	}
	if scope := scopeAt(t, provider, answer.Token); scope != "openid" {
		t.Errorf("the token is good for %q, want openid", scope)
	}
	for _, args := range [][]string{{"token"}, {"token", "work"}} {
		r := far(env, oauthd, args...)
		if r.exit != 0 || scopeAt(t, provider, strings.TrimSuffix(r.stdout, "\n")) != "openid" {
			t.Errorf("oauthd %v: got exit %d, %s, want a token for openid", args, r.exit, r.stderr)
		}
	}
	for _, args := range [][]string{{"token", "home"}, {"token", "--scope", "email"}, {"token", "work", "--scope", "email"}} {
		if r := far(env, oauthd, args...); r.exit != api.PolicyDenied.ExitStatus() || r.stdout != "" {
			t.Errorf("oauthd %v: got exit %d, %d bytes, %s, want exit %d", args, r.exit, len(r.stdout), r.stderr, api.PolicyDenied.ExitStatus())
		}
	}
	for _, tt := range []struct{ method, path, want string }{
		{"GET", "/v1/token?account=home", "policy_denied"},
		{"GET", "/v1/token?scope=email", "policy_denied"},
		{"GET", "/v1/token?url=https://example.com", "policy_denied"},
		{"GET", "/v1/watch?account=home", "policy_denied"},
		{"GET", "/v1/accounts", "no such path"},
		{"GET", "/v1/accounts/work", "no such path"},
		{"DELETE", "/v1/accounts/work", "no such path"},
		{"POST", "/v1/accounts/work/login", "no such path"},
		{"POST", "/v1/accounts/work/logout", "no such path"},
		{"GET", "/v1/status", "no such path"},
		{"GET", "/v1/audit", "no such path"},
		{"GET", "/v1/sockets", "no such path"},
		{"GET", "/v1/consent", "no such path"},
		{"POST", "/v1/lock", "no such path"},
		{"POST", "/v1/shutdown", "no such path"},
	} {
		if r := curl("-X", tt.method, "http://oauthd"+tt.path); !strings.Contains(r.stdout, tt.want) || strings.Contains(r.stdout, "access_token") {
			t.Errorf("%s %s: got exit %d, no %q, %s", tt.method, tt.path, r.exit, tt.want, r.stderr)
		}
	}
}

// scopeAt asks a protected resource what a token is good for.
func scopeAt(t *testing.T, provider *oauthtest.Running, token string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", provider.Issuer()+"/api/hello", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var hello struct{ Scope string }
	if err := json.NewDecoder(response.Body).Decode(&hello); response.StatusCode != http.StatusOK || err != nil {
		t.Errorf("the resource: got status %d, %v", response.StatusCode, err)
	}
	return hello.Scope
}

// inBox runs a program as a user that the system does not know, without a network, in a mount namespace where the sockets
// are bind-mounted to /run/box, as a container engine does it.
const inBox = `set -eu
mount -t tmpfs -o mode=755 tmpfs /run
mkdir /run/box
for s in "$1" "$2"; do : >"/run/box/${s##*/}"; mount --bind "$s" "/run/box/${s##*/}"; done
uid=$3; shift 3
exec setpriv --reuid "$uid" --regid "$uid" --clear-groups -- "$@"`

// testRestrictedBox gives a restricted socket to programs of another user in namespaces of their own.
func testRestrictedBox(t *testing.T, h *house) {
	t.Parallel()
	storetest.Need(t, "unshare", "setpriv", "curl")
	p, provider := newDeskOfTwo(t, h)
	theirs, ours := p.restricted(t, "theirs.sock", "--uid", strconv.Itoa(nobody)), p.restricted(t, "ours.sock")
	as := func(uid int) far {
		return func(env []string, program string, args ...string) result {
			unshare := []string{"/usr/bin/unshare", "--mount", "--net", "--", "/bin/sh", "-c", inBox, "sh", theirs, ours, strconv.Itoa(uid)}
			if env != nil {
				program, args = "/usr/bin/env", append(append(env, program), args...)
			}
			return p.runWith([]string{"HOME=/nonexistent", "XDG_RUNTIME_DIR=/nonexistent"}, append(append(unshare, program), args...)...)
		}
	}
	wantWorkAlone(t, as(nobody), h.oauthd, "/run/box/theirs.sock", provider)

	t.Run("no other socket", func(t *testing.T) {
		for _, socket := range []string{p.socket(), theirs, "/run/box/ours.sock"} {
			r := as(nobody)(nil, "/usr/bin/curl", "-sS", "--unix-socket", socket, "http://oauthd/v1/token?account=work")
			if r.exit != 7 || r.stdout != "" {
				t.Errorf("curl %s: got exit %d, %d bytes, want 7: could not connect", socket, r.exit, len(r.stdout))
			}
		}
		if r := as(nobody)(nil, "/usr/bin/curl", "-sS", provider.Issuer()); r.exit != 7 {
			t.Errorf("the provider: got exit %d, want 7: the program has no network", r.exit)
		}
	})
	t.Run("no other user", func(t *testing.T) {
		if err := os.Chmod(ours, 0o666); err != nil {
			t.Fatal(err)
		}
		for socket, uid := range map[string]int{"/run/box/theirs.sock": nobody - 1, "/run/box/ours.sock": nobody} {
			env := []string{"OAUTHD_SOCK=" + socket, "OAUTHD_SOCK_UID=0", "OAUTHD_NO_AUTOSTART=1"}
			wantForbidden(t, as(uid)(env, h.oauthd, "token", "work"), "another user")
		}
	})
	t.Run("the daemon's user has to be named", func(t *testing.T) {
		r := as(nobody)([]string{"OAUTHD_SOCK=/run/box/theirs.sock", "OAUTHD_NO_AUTOSTART=1"}, h.oauthd, "token")
		wantForbidden(t, r, "OAUTHD_SOCK_UID")
	})
	p.wantAudited(t, theirs, nobody)
	wantEnded(t, p, theirs, as(nobody), "/run/box/theirs.sock")
}

// wantAudited checks that tokens are in the audit log under their socket's name and their caller's uid.
func (p *tenant) wantAudited(t *testing.T, socket string, uid int) {
	t.Helper()
	r := p.run("audit", "--json", "--account", "work")
	for line := range strings.Lines(r.stdout) {
		if strings.Contains(line, `"event":"token"`) && strings.Contains(line, `"socket":"`+socket+`"`) && strings.Contains(line, fmt.Sprintf(`"uid":%d,`, uid)) {
			return
		}
	}
	t.Errorf("audit: got exit %d, %s%s, want a token by %s of uid %d", r.exit, r.stdout, r.stderr, socket, uid)
}

// wantEnded ends a restricted socket, after which nobody answers at its far end.
func wantEnded(t *testing.T, p *tenant, socket string, far far, there string) {
	t.Helper()
	before := far(nil, "/usr/bin/curl", "-sS", "--unix-socket", there, "http://oauthd/v1/token")
	if r := p.run("socket", "rm", socket); before.exit != 0 || r.exit != 0 {
		t.Fatalf("got curl's exit %d, socket rm's %d, %s", before.exit, r.exit, r.stderr)
	}
	if r := far(nil, "/usr/bin/curl", "-sS", "--unix-socket", there, "http://oauthd/v1/token"); r.exit == 0 || r.stdout != "" {
		t.Errorf("after socket rm: got exit %d, %d bytes, want none", r.exit, len(r.stdout))
	}
}

// inetd runs Debian's sshd for one connection, which is its standard input and output, on a machine whose only person has
// dir for a home.
const inetd = `set -eu
mount -t tmpfs -o mode=755 tmpfs /run
mkdir /run/sshd
for f in passwd shadow; do mount --bind "$1/$f" "/etc/$f"; done
exec /usr/sbin/sshd -i -e -f "$1/sshd_config"`

// remote is a machine that sshd answers for, on a port of loopback, with keys that the test has made.
type remote struct {
	dir, port string
	options   []string
}

func newRemote(t *testing.T) *remote {
	t.Helper()
	dir, err := os.MkdirTemp("", "o") // a socket's path has to be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	m := &remote{dir: dir}
	for _, key := range []string{"host", "person"} {
		out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", key, "-f", filepath.Join(dir, key)).CombinedOutput()
		if err != nil {
			t.Fatalf("ssh-keygen: %v\n%s", err, out)
		}
	}
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, m.port, _ = net.SplitHostPort(listener.Addr().String())
	host, err := os.ReadFile(filepath.Join(dir, "host.pub"))
	for name, text := range map[string]string{
		"sshd_config": fmt.Sprintf("HostKey %[1]s/host\nAuthorizedKeysFile %[1]s/person.pub\nStrictModes no\nUsePAM no\n"+
			"PermitRootLogin prohibit-password\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitUserRC no\nPrintLastLog no\nStreamLocalBindUnlink yes\n", dir),
		"passwd":      "root:x:0:0:root:" + dir + ":/bin/sh\nsshd:x:102:65534::/run/sshd:/usr/sbin/nologin\n",
		"shadow":      "root:*:20000:0:99999:7:::\n",
		"known_hosts": "[127.0.0.1]:" + m.port + " " + string(host),
	} {
		err = errors.Join(err, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, option := range []string{
		"BatchMode=yes", "ExitOnForwardFailure=yes", "ControlPath=none", "IdentitiesOnly=yes", "IdentityAgent=none",
		"GlobalKnownHostsFile=/dev/null", "UserKnownHostsFile=" + filepath.Join(dir, "known_hosts"), "StrictHostKeyChecking=yes",
	} {
		m.options = append(m.options, "-o", option)
	}
	ended := make(chan struct{})
	go func() { defer close(ended); m.accept(t, listener) }()
	t.Cleanup(func() { _ = listener.Close(); <-ended })
	return m
}

// accept runs one sshd for each connection, until the listener is closed and they have ended.
func (m *remote) accept(t *testing.T, listener net.Listener) {
	var running []*exec.Cmd
	defer func() {
		for _, sshd := range running {
			_ = sshd.Wait()
		}
	}()
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		f, err := conn.(*net.TCPConn).File()
		_ = conn.Close()
		if err != nil {
			t.Errorf("a connection to sshd: %v", err)
			return
		}
		sshd := exec.CommandContext(t.Context(), "/usr/bin/unshare", "--mount", "--", "/bin/sh", "-c", inetd, "sh", m.dir)
		log, err := os.OpenFile(filepath.Join(m.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		sshd.Stdin, sshd.Stdout, sshd.Stderr = f, f, log
		if err = errors.Join(err, sshd.Start(), f.Close(), log.Close()); err != nil {
			t.Errorf("sshd: %v", err)
			return
		}
		running = append(running, sshd)
	}
}

// testRestrictedSSH forwards a restricted socket with ssh -R, to programs that sshd has started.
func testRestrictedSSH(t *testing.T, h *house) {
	t.Parallel()
	storetest.Need(t, "ssh", "ssh-keygen", "/usr/sbin/sshd", "unshare", "curl")
	p, provider := newDeskOfTwo(t, h)
	m := newRemote(t)
	local, there := p.restricted(t, "agent.sock"), filepath.Join(m.dir, "remote.sock")
	atRemote := func(env []string, program string, args ...string) result {
		words := append(append([]string{"env"}, env...), append([]string{program}, args...)...)
		for i, word := range words {
			words[i] = "'" + word + "'"
		}
		ssh := append([]string{"/usr/bin/ssh", "-F", "/dev/null", "-i", filepath.Join(m.dir, "person"), "-p", m.port}, m.options...)
		ssh = append(ssh, "-R", there+":"+local, "root@127.0.0.1", strings.Join(words, " "))
		r := p.run(ssh...)
		if r.exit == 255 { // ssh's own
			log, _ := os.ReadFile(filepath.Join(m.dir, "log"))
			t.Fatalf("ssh: %s\nsshd: %s", r.stderr, log)
		}
		return r
	}
	wantWorkAlone(t, atRemote, h.oauthd, there, provider)
	p.wantAudited(t, local, os.Getuid())
	wantEnded(t, p, local, atRemote, there)
}
