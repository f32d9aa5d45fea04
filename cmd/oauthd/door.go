package main

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"oauthd/cmd/oauthd/machine"
	"oauthd/ipc"
	"oauthd/ipc/api"

	"github.com/rs/zerolog"
)

// Systems take runtime directories away in steps, what is in them first.
const (
	movePatience = 2 * time.Second
	movePause    = 20 * time.Millisecond
)

// door is where the daemon listens. If the directory of its socket disappears, as /run/user/UID does at the end of a
// person's last session, a daemon that would lose credentials moves; any other one ends, because nobody reaches it.
type door struct {
	log zerolog.Logger
	// lock is the path of the daemon's lock.
	lock string
	// loses reports whether something would be lost if the daemon ended; nil if it has nothing that could be.
	loses func() bool
	// others returns the sockets to listen on instead, the best first.
	others func() []string
	// locks returns the locks that a daemon on a socket of others needs, and those that it takes if they are free. What it
	// has taken before stays taken.
	locks func(socket string) (needed, wanted []string)

	passed handed
	// side is where oidc-agent's clients are answered; nil if they never are.
	side *sideDoor
	// upgrade replaces the program; nil if nothing does.
	upgrade *restarting
	// follows reports whether another daemon follows in this process; nil if none does.
	follows func() bool

	held     []*heldLock
	followed map[string]bool // locks of locks' wanted that are held

	mu     sync.Mutex // guards the fields below
	socket string
	moved  bool // socket is not the first one
}

// place returns the socket on which the daemon listens now.
func (d *door) place() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.socket
}

// enter takes the lock, so that this is the one daemon.
func (d *door) enter(ctx context.Context) error {
	held, err := takeLock(ctx, d.lock, d.place())
	if err != nil {
		return err
	}
	d.held = append(d.held, held)
	return nil
}

// leave lets another daemon begin.
func (d *door) leave() {
	for _, held := range d.held {
		if d.follows != nil && d.follows() {
			held.handOn()
		} else {
			held.release()
		}
	}
}

// listener returns a listener on the socket: on the one that was passed to this process, or a new one.
func (d *door) listener() (net.Listener, error) {
	l, err := d.passed.listener(d.place())
	if errors.Is(err, ipc.ErrInUse) {
		if _, held := os.Lstat(api.ActivatedMark(d.place())); held == nil {
			return nil, &api.Error{Code: api.AlreadyRunning, Message: "systemd holds the socket, and starts the daemon itself",
				Hint: "to run one here: systemctl --user stop oauthd.socket"}
		}
	}
	return l, err
}

// open listens, on l first and then wherever the daemon moves, and returns when ctx ends or nobody can reach it any more.
// gone is closed when l's socket is gone.
func (d *door) open(ctx context.Context, server *ipc.Server, l net.Listener, gone <-chan struct{}) error {
	var work sync.WaitGroup
	defer work.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	failed := make(chan error, 1)
	for {
		served := l
		work.Go(func() {
			select {
			case failed <- server.Serve(ctx, served):
			default: // somebody else was first
			}
		})
		select {
		case err := <-failed:
			return err
		case <-gone:
		}
		if ctx.Err() != nil {
			return nil
		}
		if socket, ok := l.(*net.UnixListener); ok {
			socket.SetUnlinkOnClose(false) // what is there now is not ours
		}
		var err error
		if l, gone, err = d.move(ctx); err != nil {
			return nil
		}
	}
}

// move listens elsewhere. Those who are connected stay so.
func (d *door) move(ctx context.Context) (net.Listener, <-chan struct{}, error) {
	was := d.place()
	log := d.log.With().Str("socket", was).Logger()
	if d.loses == nil || !d.loses() || !d.vanished(ctx, was) {
		log.Warn().Msg("the socket is gone, so nobody can ask any more")
		return nil, nil, net.ErrClosed
	}
	log = log.With().Str("hint", "loginctl enable-linger keeps the runtime directory when the last session ends").Logger()
	var problems []error
	for _, socket := range d.others() {
		l, gone, err := d.listen(ctx, socket)
		if err == nil {
			log.Warn().Str("now", socket).Msg("the directory of the socket is gone, so the daemon listens elsewhere; clients follow its lock")
			return l, gone, nil
		}
		problems = append(problems, err)
	}
	log.Error().Err(errors.Join(problems...)).Msg("the directory of the socket is gone, and there is no other place to listen: " +
		"credentials that were only in memory are lost, and the file store is closed")
	return nil, nil, net.ErrClosed
}

// vanished waits whether the directory of socket disappears too. If it does not, somebody took the socket alone.
func (d *door) vanished(ctx context.Context, socket string) bool {
	ctx, cancel := context.WithTimeout(ctx, movePatience)
	defer cancel()
	pause := time.NewTicker(movePause)
	defer pause.Stop()
	for {
		if _, err := os.Lstat(filepath.Dir(socket)); err != nil {
			return true
		}
		select {
		case <-pause.C:
		case <-ctx.Done():
			return false
		}
	}
}

func (d *door) listen(ctx context.Context, socket string) (net.Listener, <-chan struct{}, error) {
	needed, wanted := d.locks(socket)
	var taken []*heldLock
	undo := func(err error) (net.Listener, <-chan struct{}, error) {
		for _, lock := range taken {
			lock.release()
		}
		return nil, nil, err
	}
	for _, path := range needed {
		lock, err := takeLock(ctx, path, socket)
		if err != nil {
			return undo(err)
		}
		taken = append(taken, lock)
	}
	l, err := ipc.Listen(socket)
	if err != nil {
		return undo(err)
	}
	gone, err := machine.WatchSocket(ctx, socket)
	if err != nil {
		_ = l.Close()
		return undo(err)
	}
	for _, path := range wanted {
		if d.followed[path] {
			continue
		}
		if lock, err := takeLock(ctx, path, socket); err == nil {
			taken = append(taken, lock)
			d.followed = map[string]bool{path: true}
		}
	}
	for _, lock := range d.held {
		_ = lock.announce(socket)
	}
	d.held = append(d.held, taken...)
	d.mu.Lock()
	d.socket, d.moved = socket, true
	d.mu.Unlock()
	d.side.follow(socket)
	return l, gone, nil
}

// otherSockets returns where a daemon may listen whose runtime directory is gone: where it was, if that is being made
// anew, and where it would be without that directory.
func otherSockets(env api.Environment) []string {
	var sockets []string
	was := env.SocketPath()
	if _, err := os.Lstat(filepath.Dir(filepath.Dir(was))); err == nil {
		sockets = append(sockets, was)
	}
	if env.SocketVariable() == "OAUTHD_SOCK" {
		return sockets
	}
	without := env
	without.Getenv = func(name string) string {
		if name == "XDG_RUNTIME_DIR" {
			return ""
		}
		return env.Getenv(name)
	}
	if other := without.SocketPath(); other != was {
		sockets = append(sockets, other)
	}
	return sockets
}

// atDoor answers for the status where the daemon listens now.
type atDoor struct {
	ipc.Control
	door *door
}

// Status implements [ipc.Control].
func (c atDoor) Status(ctx context.Context) (api.Status, error) {
	s, err := c.Control.Status(ctx)
	s.Socket = c.door.place()
	s.OIDCSocket, s.OIDCProblem = c.door.side.state()
	s.Upgrade = c.door.upgrade.status(ctx)
	return s, err
}

// restart ends the daemon that listens on l if a new program can take over now; end ends it.
func (d *door) restart(ctx context.Context, l net.Listener, end func()) {
	u := d.upgrade.status(ctx)
	d.mu.Lock()
	moved := d.moved
	d.mu.Unlock()
	if u == nil || u.Waiting != "" || ctx.Err() != nil || moved {
		return
	}
	if err := d.passed.keep(l); err != nil {
		d.log.Warn().Err(err).Msg("the new program must wait")
		return
	}
	d.side.keep()
	d.log.Info().Str("version", u.Version).Msg("a new program takes over")
	d.upgrade.program.due.Store(true)
	d.upgrade.again()
	end()
}
