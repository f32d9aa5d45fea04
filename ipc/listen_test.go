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

func TestListen(t *testing.T) {
	for _, tc := range []struct {
		name string
		// prepare changes what lies at path, and returns the path to listen on.
		prepare func(t *testing.T, path string) string
		want    string // part of the error; "" for none
	}{
		{"nothing there", func(_ *testing.T, path string) string { return path }, ""},
		{"stale socket", func(t *testing.T, path string) string {
			mkdir(t, path, 0o700)
			l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
			if err != nil {
				t.Fatal(err)
			}
			l.SetUnlinkOnClose(false)
			_ = l.Close()
			return path
		}, ""},
		{"live socket", func(t *testing.T, path string) string {
			l, err := Listen(path)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = l.Close() })
			return path
		}, ErrInUse.Error()},
		{"directory", func(t *testing.T, path string) string {
			mkdir(t, filepath.Join(path, "x"), 0o700)
			return path
		}, "there is a directory at that path"},
		{"regular file", func(t *testing.T, path string) string {
			mkdir(t, path, 0o700)
			if err := os.WriteFile(path, []byte("keep me"), 0o600); err != nil {
				t.Fatal(err)
			}
			return path
		}, "there is a regular file at that path"},
		{"link to a socket", func(t *testing.T, path string) string {
			mkdir(t, path, 0o700)
			if err := os.Symlink("elsewhere", path); err != nil {
				t.Fatal(err)
			}
			return path
		}, "there is a symbolic link at that path"},
		{"linked directory", func(t *testing.T, path string) string {
			mkdir(t, path, 0o700)
			link := filepath.Join(filepath.Dir(filepath.Dir(path)), "link")
			if err := os.Symlink(filepath.Dir(path), link); err != nil {
				t.Fatal(err)
			}
			return filepath.Join(link, "oauthd.sock")
		}, "is a symbolic link"},
		{"loose directory", func(t *testing.T, path string) string {
			mkdir(t, path, 0o750)
			return path
		}, "has mode 0750 and must have 0700"},
		{"file for a directory", func(t *testing.T, path string) string {
			if err := os.WriteFile(filepath.Dir(path), nil, 0o600); err != nil {
				t.Fatal(err)
			}
			return path
		}, "not a directory"},
		{"long path", func(_ *testing.T, path string) string { return path + strings.Repeat("x", 108-len(path)) }, "may have 107"},
		{"relative path", func(*testing.T, string) string { return "oauthd.sock" }, "is not an absolute path"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			path := tc.prepare(t, socketPath(t))
			before, _ := os.Lstat(path)
			l, err := Listen(path)
			if tc.want != "" {
				if err == nil || !strings.Contains(err.Error(), tc.want) {
					t.Errorf("got %v, want an error with %q", err, tc.want)
				}
				if after, _ := os.Lstat(path); before != nil && (after == nil || !os.SameFile(before, after)) {
					t.Error("what was there has gone")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			dir, sock := mode(t, filepath.Dir(path)), mode(t, path)
			if dir != 0o700 || sock != 0o600 {
				t.Errorf("got directory %#o, socket %#o, want 0700, 0600", dir, sock)
			}
			_ = l.Close()
			if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("after Close: got %v, want the socket gone", err)
			}
		})
	}
}

func TestListenInUse(t *testing.T) {
	path := socketPath(t)
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, err := Listen(path); !errors.Is(err, ErrInUse) {
		t.Errorf("got %v, want ErrInUse", err)
	}
}

func mkdir(t *testing.T, path string, m fs.FileMode) {
	t.Helper()
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, m); err != nil {
		t.Fatal(err)
	}
}

func mode(t *testing.T, path string) fs.FileMode {
	t.Helper()
	fi, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	return fi.Mode().Perm()
}
