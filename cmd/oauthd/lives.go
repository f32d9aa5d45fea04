package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync/atomic"

	"oauthd/cmd/oauthd/process"
	"oauthd/cmd/oauthd/screen"
	"oauthd/ipc"
	"oauthd/ipc/api"
)

// lives are the daemons that one process is, one after another.
type lives struct {
	again   atomic.Bool // another one follows
	program *programFile
	sockets sockets // what they share
}

// sockets are the two that a process is given, or passes on: the daemon's own, and the one for oidc-agent's clients.
type sockets struct{ own, oidcAgent handed }

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

// serve runs the daemon, and another one in its place whenever another store is chosen or the program is replaced; ready
// is called once it listens.
func serve(ctx context.Context, std stdio, o serveOptions, ready func(api.Status, error)) error {
	process.Harden()
	o.startedBy = startedBy(o, std)
	log, closeLog, err := openLog(std, o)
	if err != nil {
		return err
	}
	defer closeLog()
	life := &lives{program: ownProgram(log)}
	if life.sockets, err = passedSockets(o); err != nil {
		return err
	}
	for {
		life.again.Store(false)
		err := serveOnce(ctx, std, o, log, life, ready)
		if err != nil || !life.again.Load() || ctx.Err() != nil {
			return err
		}
		if !life.program.due.Load() {
			log.Info().Msg("beginning anew with another store")
			continue
		}
		log.Info().Msg("the program has been replaced, beginning anew with it")
		life.program.become(o, life.sockets)
		log.Error().Msg("the new program cannot be started, going on with the old one")
	}
}

func startedBy(o serveOptions, std stdio) string {
	switch {
	case o.startedBy != "":
		return o.startedBy
	case os.Getenv("INVOCATION_ID") != "": // systemd.exec(5)
		return "systemd"
	case screen.IsTerminal(std.err):
		return "terminal"
	}
	return fmt.Sprintf("pid %d", os.Getppid())
}
