package main

import (
	"context"
	"encoding/json"
	"errors"
	"os/exec"
	"strings"
	"testing"

	"oauthd/daemon/oauthtest"
	"oauthd/ipc/api"
	"oauthd/keystore/storetest"

	"golang.org/x/sys/unix"
)

// racePID is for the first process of a PID namespace. A rule lets one program alone use an account. Another one asks
// while the daemon is stopped, and ends at once; the program that may ask then gets its pid. Nobody else begins there,
// so that this is no matter of luck.
const racePID = `set -eu
cp "$(command -v nc)" allowed
echo 'a secret' | oauthd login build --grant client_credentials --issuer "$1" --client-id app --client-secret-stdin >&2
printf '[[allow]]\nexe = "%s/allowed"\n' "$HOME" >>.config/oauthd/accounts/build.toml
oauthd reload >&2
echo '{"account":"build"}' >line
./allowed -NU "$SOCKET" <line | grep -q access_token
nc -NU "$SOCKET" <line | grep -q policy_denied

log=.local/state/oauthd/audit.jsonl
before=$(wc -l <"$log")
daemon=$(oauthd status --json | sed -n 's/.*"pid": *\([0-9]*\).*/\1/p' | head -n 1)
kill -STOP "$daemon"
/usr/bin/python3 -c 'import socket; s = socket.socket(socket.AF_UNIX); s.connect("'"$SOCKET"'"); s.sendall(open("line", "rb").read())' &
caller=$!
wait "$caller"
echo $((caller - 1)) >/proc/sys/kernel/ns_last_pid
./allowed -lU other &
test $! = "$caller"
until [ -S other ]; do :; done
kill -CONT "$daemon"
until [ "$(wc -l <"$log")" -gt "$before" ] && grep -q "\"pid\":$caller," "${log%/*}/daemon.log"; do :; done
tail -n 1 "$log"
grep "\"pid\":$caller," "${log%/*}/daemon.log"`

// testReusedPID checks that rules are matched against the process that asked, and never against one that has its pid
// now.
func testReusedPID(t *testing.T, h *house) {
	storetest.Need(t, "unshare")
	if !kernelHoldsPeers(t) {
		t.Skip("this kernel does not know the process at the other end of a socket (SO_PEERPIDFD, Linux 6.5)")
	}
	p := newTenant(t, h)
	provider, err := oauthtest.Listen(oauthtest.Config{Clients: []oauthtest.Client{
		{ID: "app", Secret: "a secret", AuthMethod: oauthtest.AuthBasic, GrantTypes: []string{"client_credentials"}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = provider.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), waitLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, "unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", racePID, "sh", provider.Issuer())
	var stdout, stderr strings.Builder
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = p.dir, append(p.env, "SOCKET="+p.socket()), &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v: %s", err, stderr.String())
	}
	line, log, _ := strings.Cut(stdout.String(), "\n")
	var got api.AuditEvent
	if err := json.Unmarshal([]byte(line), &got); err != nil || got.Caller == nil {
		t.Fatalf("got %s, %v, want a line of the audit log", line, err)
	}
	if got.Outcome != string(api.PolicyDenied) || !got.Caller.Unknown || got.Caller.Executable != "" {
		t.Errorf("got %s, want a program refused of which nothing is known", line)
	}
	if !strings.Contains(log, "request failed") || strings.Contains(log, "allowed") {
		t.Errorf("the daemon's log: got %s, want nothing about the program that has the pid now", log)
	}
}

// kernelHoldsPeers reports whether the kernel holds on to the process at the other end of a Unix socket.
func kernelHoldsPeers(t *testing.T) bool {
	t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pair[0])
	defer unix.Close(pair[1])
	fd, err := unix.GetsockoptInt(pair[0], unix.SOL_SOCKET, unix.SO_PEERPIDFD)
	if err == nil {
		_ = unix.Close(fd)
	}
	return !errors.Is(err, unix.ENOPROTOOPT)
}
