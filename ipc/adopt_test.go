//go:build !windows

package ipc

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// passed returns a listener on path as another process passes it, with the mode that a careless one gives it.
func passed(t *testing.T, network, path string) *os.File {
	t.Helper()
	l, err := net.Listen(network, path)
	if err != nil {
		t.Fatal(err)
	}
	u, ok := l.(*net.UnixListener)
	if !ok {
		f, err := l.(*net.TCPListener).File()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = f.Close(); _ = l.Close() })
		return f
	}
	u.SetUnlinkOnClose(false)
	f, err := u.File()
	if err != nil {
		t.Fatal(err)
	}
	_ = u.Close()
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func TestAdopt(t *testing.T) {
	for _, tc := range []struct {
		name string
		// prepare returns what is passed, and may change what is at path.
		prepare func(t *testing.T, path string) *os.File
		want    string // part of the error; "" for none
	}{
		{"as systemd makes it", func(t *testing.T, path string) *os.File {
			f := passed(t, "unix", path)
			if err := os.Chmod(path, 0o644); err != nil {
				t.Fatal(err)
			}
			return f
		}, ""},
		{"another place", func(t *testing.T, path string) *os.File { return passed(t, "unix", path+"2") }, "the daemon's place is"},
		{"not of this family", func(t *testing.T, _ string) *os.File { return passed(t, "tcp", "127.0.0.1:0") }, "not a Unix socket"},
		{"a file", func(t *testing.T, path string) *os.File {
			f, err := os.Create(path)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = f.Close() })
			return f
		}, "passed to this process"},
		{"whole packets", func(t *testing.T, path string) *os.File { return passed(t, "unixpacket", path) }, "of type unixpacket"},
		{"a loose directory", func(t *testing.T, path string) *os.File {
			f := passed(t, "unix", path)
			if err := os.Chmod(filepath.Dir(path), 0o750); err != nil {
				t.Fatal(err)
			}
			return f
		}, "has mode 0750 and must have 0700"},
		{"no longer there", func(t *testing.T, path string) *os.File {
			f := passed(t, "unix", path)
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			return f
		}, "no such file"},
		{"a link there now", func(t *testing.T, path string) *os.File {
			f := passed(t, "unix", path)
			if err := errors.Join(os.Rename(path, path+"2"), os.Symlink(path+"2", path)); err != nil {
				t.Fatal(err)
			}
			return f
		}, "there is a symbolic link at"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			path := socketPath(t)
			mkdir(t, path, 0o700)
			f := tc.prepare(t, path)
			l, err := Adopt(f, path)
			if tc.want != "" {
				if err == nil || !strings.Contains(err.Error(), tc.want) {
					t.Errorf("got %v, want an error with %q", err, tc.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := mode(t, path); got != 0o600 {
				t.Errorf("got mode %#o, want 0600", got)
			}
			_ = l.Close()
			if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
				t.Error("closing the listener has removed a socket that another process owns")
			}
			again, err := Adopt(f, path)
			if err != nil {
				t.Fatalf("a second time: %v", err)
			}
			_ = again.Close()
		})
	}
}
