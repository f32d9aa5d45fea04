//go:build !windows

package ipc

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"

	"oauthd/ipc/own"
)

// Adopt listens on a socket that another process, such as systemd, has bound and passed to this one. It must be the
// socket that is at path now, and that must be ours, in a directory as for [Listen]; its mode becomes 0600. f stays open,
// so that nobody is refused between two daemons that adopt it, and closing the listener leaves the socket where it is.
func Adopt(f *os.File, path string) (net.Listener, error) {
	refuse := func(err error) (net.Listener, error) {
		return nil, fmt.Errorf("ipc: the socket that was passed to this process: %w", err)
	}
	listener, err := net.FileListener(f)
	if err != nil {
		return refuse(err)
	}
	l, ok := listener.(*net.UnixListener)
	if !ok {
		_ = listener.Close()
		return refuse(errors.New("it is not a Unix socket that accepts connections"))
	}
	if err := checkPassed(l, path); err != nil {
		_ = l.Close()
		return refuse(err)
	}
	return l, nil
}

// checkPassed checks that l is bound to path, and that nobody else can have put there what is there.
func checkPassed(l *net.UnixListener, path string) error {
	address := l.Addr()
	if address.Network() != "unix" {
		return fmt.Errorf("it is a socket of type %s", address.Network())
	}
	if address.String() != path {
		return fmt.Errorf("it is bound to %s, and the daemon's place is %s", address, path)
	}
	dir, err := own.SocketDir(path)
	if err != nil {
		return err
	}
	defer dir.Close()
	name := filepath.Base(path)
	switch info, err := dir.Lstat(name); {
	case err != nil:
		return err
	case info.Mode()&fs.ModeSocket == 0:
		return fmt.Errorf("there is a %s at %s", kind(info.Mode()), path)
	case !own.Ours(info):
		return fmt.Errorf("the socket at %s belongs to another user", path)
	}
	return dir.Chmod(name, 0o600)
}
