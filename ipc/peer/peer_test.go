//go:build linux || darwin

package peer_test

import (
	"net"
	"os"
	"path/filepath"
	"testing"

	"oauthd/ipc/peer"
)

func TestOf(t *testing.T) {
	dir, err := os.MkdirTemp("", "o")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, "s"), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	near, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: l.Addr().String(), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	far, err := l.AcceptUnix()
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]*net.UnixConn{"seen from the server": far, "seen from the client": near} {
		p, err := peer.Of(c)
		if err != nil || p.UID != os.Getuid() || p.PID != os.Getpid() || p.Executable() != program {
			t.Errorf("%s: got uid %d, pid %d, %v, want ours: %d, %d, %s", name, p.UID, p.PID, err, os.Getuid(), os.Getpid(), program)
		}
		_ = c.Close()
		if _, err := peer.Of(c); err == nil {
			t.Errorf("%s, closed: got nil, want an error", name)
		}
	}
}
