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

// ErrInUse is returned by [Listen] when another process answers on the socket.
var ErrInUse = errors.New("another daemon listens there")

// Listen makes the socket path and listens on it. Its directory is made when it is missing and must be ours, mode 0700
// and no symbolic link; the socket gets mode 0600. A socket nobody answers on is replaced, one that answers is
// [ErrInUse], and anything else in its place is an error and stays. Closing the listener removes the socket.
//
// Two processes that call Listen on one path at the same time must hold a lock against each other.
func Listen(path string) (*net.UnixListener, error) {
	dir, err := own.SocketDir(path)
	if err != nil {
		return nil, fmt.Errorf("ipc: listen on %s: %w", path, err)
	}
	defer dir.Close()
	name := filepath.Base(path)
	if err := clearStale(dir, name); err != nil {
		return nil, fmt.Errorf("ipc: listen on %s: %w", path, err)
	}
	// By its path, as nothing else is possible; nobody else can change what that leads to.
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("ipc: %w", err)
	}
	if err := dir.Chmod(name, 0o600); err != nil {
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
		return fmt.Errorf("there is a %s in its place, which oauthd will not remove", kind(fi.Mode()))
	}
	const probe = time.Second
	c, err := net.DialTimeout("unix", dir.Path(name), probe)
	switch {
	case err == nil:
		_ = c.Close()
		return ErrInUse
	case !errors.Is(err, syscall.ECONNREFUSED):
		// A full backlog or a refused permission does not mean that nobody is there.
		return fmt.Errorf("%w, or so it seems: %w", ErrInUse, err)
	}
	if err := dir.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
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
