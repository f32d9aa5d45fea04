//go:build !windows

package ipc

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"path/filepath"
	"syscall"
	"time"

	"oauthd/ipc/own"
)

// Listen creates a socket at path, with mode 0600, and listens on it. Its directory is created if it is missing; it
// must belong to us, have mode 0700, and not be a symbolic link. A socket that nobody answers on is replaced. If
// somebody answers, the error is [ErrInUse]; anything else at path is an error too, and stays. Closing the listener
// removes the socket.
//
// Two processes must not call Listen for the same path at the same time; a lock has to keep them apart.
func Listen(path string) (net.Listener, error) {
	dir, err := own.SocketDir(path)
	if err != nil {
		return nil, fmt.Errorf("ipc: listen on %s: %w", path, err)
	}
	defer dir.Close()
	return listenIn(dir, path, 0o600)
}

// ListenRestricted is [Listen] for a restricted socket. Its directory must only belong to us and be nobody else's to change;
// it is made, 0700, if it is missing. If others is true, programs of any user can reach the socket, and it is up to
// [Server.Restrict] whom it serves.
func ListenRestricted(path string, others bool) (net.Listener, error) {
	if err := own.SocketFits(path); err != nil {
		return nil, fmt.Errorf("ipc: listen on %s: %w", path, err)
	}
	dir, err := own.Make(filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("ipc: listen on %s: %w", path, err)
	}
	defer dir.Close()
	mode := fs.FileMode(0o600)
	if others {
		mode = 0o666
	}
	return listenIn(dir, path, mode)
}

func listenIn(dir *own.Dir, path string, mode fs.FileMode) (net.Listener, error) {
	name := filepath.Base(path)
	if err := clearStale(dir, name); err != nil {
		return nil, fmt.Errorf("ipc: listen on %s: %w", path, err)
	}
	// There is no way to do this other than by path, but nobody else can change what the path leads to.
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: dir.Path(name), Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("ipc: %w", err)
	}
	if err := dir.Chmod(name, mode); err != nil {
		_ = l.Close()
		return nil, fmt.Errorf("ipc: listen on %s: %w", path, err)
	}
	return l, nil
}

// clearStale removes a socket that nobody answers on.
func clearStale(dir *own.Dir, name string) error {
	fi, err := dir.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case fi.Mode()&fs.ModeSocket == 0:
		return fmt.Errorf("there is a %s at that path, and oauthd does not remove it", kind(fi.Mode()))
	}
	const probe = time.Second
	c, err := net.DialTimeout("unix", dir.Path(name), probe)
	switch {
	case err == nil:
		_ = c.Close()
		return ErrInUse
	case !errors.Is(err, syscall.ECONNREFUSED):
		// A full backlog or a refused permission does not mean that nobody is there.
		return fmt.Errorf("%w, it seems: %w", ErrInUse, err)
	}
	if err := dir.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Answers reports whether somebody accepts connections at path.
func Answers(path string) bool {
	c, err := net.Dial("unix", path)
	if err != nil {
		return false
	}
	_ = c.Close()
	return true
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
	return "file that is not a socket"
}
