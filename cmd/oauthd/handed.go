package main

import (
	"errors"
	"fmt"
	"net"
	"os"

	"oauthd/cmd/oauthd/process"
	"oauthd/ipc"
)

// handed is a socket that this process was given, or passes on to the daemon that follows. The zero value is none.
type handed struct {
	file *os.File
	// ours is true if a daemon made it, which then removes it at its end.
	ours bool
}

// listener returns a listener on the socket at path: on the one that was handed over, or a new one.
func (h *handed) listener(path string) (net.Listener, error) {
	if h.file == nil {
		return ipc.Listen(path)
	}
	l, err := ipc.Adopt(h.file, path)
	if socket, ok := l.(*net.UnixListener); ok && h.ours {
		socket.SetUnlinkOnClose(true)
		_ = h.file.Close()
		*h = handed{}
	}
	return l, err
}

// keep has the socket of l stay there when the daemon ends, for the next one.
func (h *handed) keep(l net.Listener) error {
	if h.file != nil {
		return nil
	}
	socket, ok := l.(*net.UnixListener)
	if !ok {
		return errors.ErrUnsupported
	}
	f, err := socket.File()
	if err != nil {
		return err
	}
	socket.SetUnlinkOnClose(false)
	*h = handed{f, true}
	return nil
}

// sockets are the two that a process is given, or passes on: the daemon's own, and the one for oidc-agent's clients.
type sockets struct{ own, oidcAgent handed }

// arguments are those of serve by which another program takes them over: see passedSockets.
func (s sockets) arguments() (argv []string, err error) {
	for _, one := range []struct {
		flag string
		handed
	}{{"--listen-fd", s.own}, {"--oidc-listen-fd", s.oidcAgent}} {
		if one.file == nil {
			continue
		}
		fd, err := process.Inheritable(one.file)
		if err != nil {
			return nil, err
		}
		argv = append(argv, one.flag, fmt.Sprint(fd))
		if !one.ours {
			argv = append(argv, "--held-fd", fmt.Sprint(fd))
		}
	}
	return argv, nil
}
