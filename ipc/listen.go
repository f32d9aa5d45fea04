package ipc

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// ErrInUse is returned by [Listen] when another process answers on the socket.
var ErrInUse = errors.New("another daemon listens there")

// Listen makes the socket path and listens on it. Its directory is made when it is missing and must be ours, mode 0700
// and no symbolic link; the socket gets mode 0600. A socket nobody answers on is replaced, one that answers is
// [ErrInUse], and anything else in its place is an error and stays. Closing the listener removes the socket.
//
// Two processes that call Listen on one path at the same time must hold a lock against each other.
func Listen(path string) (*net.UnixListener, error) {
	if !filepath.IsAbs(path) {
		return nil, fmt.Errorf("ipc: listen on %s: the path is not absolute", path)
	}
	if limit := len(syscall.RawSockaddrUnix{}.Path) - 1; len(path) > limit {
		return nil, fmt.Errorf("ipc: listen on %s: the path has %d bytes, but a socket's may have %d at most",
			path, len(path), limit)
	}
	if err := privateDir(filepath.Dir(path)); err != nil {
		return nil, fmt.Errorf("ipc: listen on %s: %w", path, err)
	}
	if err := clearStale(path); err != nil {
		return nil, fmt.Errorf("ipc: listen on %s: %w", path, err)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("ipc: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		_ = l.Close()
		return nil, fmt.Errorf("ipc: listen on %s: %w", path, err)
	}
	return l, nil
}

// privateDir makes dir when it is missing and checks that nobody else can reach into it.
func privateDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	fi, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	switch uid, known := owner(fi); {
	case fi.Mode()&fs.ModeSymlink != 0:
		return fmt.Errorf("the directory %s is a symbolic link", dir)
	case !fi.IsDir():
		return fmt.Errorf("%s is not a directory", dir)
	case known && uid != os.Getuid():
		return fmt.Errorf("the directory %s belongs to uid %d, not to us (uid %d)", dir, uid, os.Getuid())
	case known && fi.Mode().Perm() != 0o700:
		return fmt.Errorf("the directory %s has mode %#o and must have 0700", dir, fi.Mode().Perm())
	}
	return nil
}

// clearStale removes a socket at path that nobody answers on.
func clearStale(path string) error {
	fi, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case fi.Mode()&fs.ModeSocket == 0:
		return fmt.Errorf("there is a %s in its place, which oauthd will not remove", kind(fi.Mode()))
	}
	const probe = time.Second
	c, err := net.DialTimeout("unix", path, probe)
	switch {
	case err == nil:
		_ = c.Close()
		return ErrInUse
	case !errors.Is(err, syscall.ECONNREFUSED):
		// A full backlog or a refused permission does not mean that nobody is there.
		return fmt.Errorf("%w, or so it seems: %w", ErrInUse, err)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func kind(m fs.FileMode) string {
	switch {
	case m.IsDir():
		return "directory"
	case m.IsRegular():
		return "regular file"
	case m&fs.ModeSymlink != 0:
		return "symbolic link"
	}
	return "file that is no socket"
}
