package client

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"oauthd/ipc/api"
	"oauthd/ipc/own"
	"oauthd/ipc/peer"
)

// place is where a client looks for the daemon.
type place struct {
	socket string
	// fixed says that the caller or the person named the socket, and no other will do.
	fixed bool
	uid   int
	lock  string
	env   api.Environment
}

func (c *Client) place() place {
	env := c.environment()
	p := place{socket: c.Socket, fixed: c.Socket != "", uid: env.UID, lock: lockPath(env), env: env}
	if p.socket == "" {
		p.socket = env.SocketPath()
		if env.Getenv("OAUTHD_SOCK") != "" {
			p.fixed = true
			if uid, err := strconv.Atoi(env.Getenv("OAUTHD_SOCK_UID")); err == nil {
				p.uid = uid
			}
		}
	}
	return p
}

// dial connects to the daemon. If none answers it follows the lock file, waits out a restart, or has one started.
func (c *Client) dial(ctx context.Context) (net.Conn, error) {
	p := c.place()
	if err := own.SocketFits(p.socket); err != nil {
		if c.Socket != "" {
			return nil, fmt.Errorf("client: %w", err)
		}
		return nil, p.env.SocketProblem(err)
	}
	if c.Running && p.asleep() {
		return nil, asleep()
	}
	before := c.lastStart()
	conn, err := connect(ctx, p.socket, p.uid)
	if err == nil || !absent(err) {
		return conn, p.explain(err)
	}
	var startErr error
	started := false
	patience := time.NewTimer(restart)
	defer patience.Stop()
	for pause := 2 * time.Millisecond; ; pause = min(2*pause, 50*time.Millisecond) {
		socket, held := lockHolder(p.lock)
		if p.fixed || socket == "" {
			held = held && (socket == "" || socket == p.socket)
			socket = p.socket
		}
		// A full backlog: a daemon is there and has not come to accept yet.
		held = held || errors.Is(err, syscall.EAGAIN)
		if !held && !started {
			if c.Start == nil {
				return nil, p.explain(noDaemon(err))
			}
			started = true
			startErr = c.start(ctx, before)
			patience.Reset(restart)
			if socket, held = lockHolder(p.lock); p.fixed || !held || socket == "" {
				socket = p.socket
			}
		}
		conn, err = connect(ctx, socket, p.uid)
		switch {
		case err == nil || !absent(err):
			return conn, err
		case startErr != nil && !held:
			// Another daemon that started meanwhile would have been found.
			return nil, startFailed(startErr)
		}
		select {
		case <-time.After(pause):
		case <-patience.C:
			if startErr != nil {
				return nil, startFailed(startErr)
			}
			return nil, noDaemon(err)
		case <-ctx.Done():
			return nil, contextError(ctx.Err())
		}
	}
}

// explain adds to an error that nobody, or somebody else, answers on the socket why that is so: its directory is missing,
// or is another user's.
func (p place) explain(err error) error {
	var e *api.Error
	if p.fixed || p.uid != os.Geteuid() || p.env.GOOS == "windows" || !errors.As(err, &e) {
		return err
	}
	variable := p.env.SocketVariable()
	dir := filepath.Dir(p.socket)
	d, why := own.Open(dir)
	if why == nil {
		_ = d.Close()
		return err
	}
	if errors.Is(why, fs.ErrNotExist) {
		// Ours is made when a daemon starts; the one above it is not.
		if _, missing := os.Lstat(filepath.Dir(dir)); missing == nil || variable == "" {
			return err
		}
	}
	problem := p.env.SocketProblem(why)
	return (&api.Error{Code: e.Code, Message: e.Message + "; " + problem.Message, Hint: problem.Hint}).Because(err)
}

// asleep reports whether systemd holds the socket and no daemon runs, so that connecting would start one.
func (p place) asleep() bool {
	if p.fixed {
		return false // and may be another person's, whose locks we do not see
	}
	if _, err := os.Lstat(api.ActivatedMark(p.socket)); err != nil {
		return false
	}
	for _, lock := range []string{p.lock, api.MemoryLock(p.socket)} {
		if inUse(lock) {
			return false
		}
	}
	return true
}

// persist repeats do while the connection breaks before an answer has come: a daemon that was killed may still accept
// for a moment, and the next one answers. A daemon that breaks every connection, as one does that systemd starts and that
// cannot run, is started once more, which says why.
func (c *Client) persist(ctx context.Context, do func() error) error {
	started := false
	for pause := 5 * time.Millisecond; ; pause *= 2 {
		err := do()
		if !errors.Is(err, errConnection) {
			return err
		}
		if pause > restart/4 && c.Start != nil && !started {
			started = true
			if err := c.Start(ctx); err != nil {
				return startFailed(err)
			}
			continue
		}
		if pause > restart/4 {
			e := &api.Error{Code: api.NoDaemon, Message: "the daemon closed the connection without an answer", Hint: "try again"}
			return e.Because(err)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return contextError(ctx.Err())
		}
	}
}

// connect connects to one socket and checks who listens there.
func connect(ctx context.Context, socket string, uid int) (net.Conn, error) {
	conn, err := dialSocket(ctx, socket)
	var timeout net.Error
	switch {
	case err == nil:
	case ctx.Err() != nil:
		return nil, contextError(ctx.Err())
	case errors.Is(err, syscall.EAGAIN):
		// It calls itself a timeout, but is a full backlog.
		return nil, fmt.Errorf("client: %w", err)
	case errors.As(err, &timeout) && timeout.Timeout():
		// The dialer's clock may be ahead of the context's.
		return nil, contextError(context.DeadlineExceeded)
	case errors.Is(err, fs.ErrPermission):
		e := &api.Error{Code: api.Forbidden, Message: "the socket " + socket + " may not be used by this user"}
		return nil, e.Because(err)
	default:
		return nil, fmt.Errorf("client: %w", err)
	}
	p, err := peer.Of(conn)
	if err != nil {
		_ = conn.Close()
		e := &api.Error{Code: api.Unsupported, Message: "the system does not tell who serves the socket"}
		return nil, e.Because(err)
	}
	if p.UID != uid {
		_ = conn.Close()
		return nil, &api.Error{
			Code:    api.Forbidden,
			Message: fmt.Sprintf("the daemon at %s runs as %s, not as %s", socket, p.User(), userName(uid)),
			Hint:    otherUserHint,
		}
	}
	return conn, nil
}

// absent reports whether an error of connect means that nobody listens, or not yet.
func absent(err error) bool {
	for _, e := range []error{fs.ErrNotExist, syscall.ECONNREFUSED, syscall.ENOTDIR, syscall.EAGAIN} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

func noDaemon(cause error) error {
	e := &api.Error{Code: api.NoDaemon, Message: "no oauthd daemon is running", Hint: "start one with oauthd serve"}
	return e.Because(cause)
}

func asleep() error {
	return &api.Error{Code: api.NoDaemon, Message: "no oauthd daemon is running", Hint: "systemd starts one for the next token"}
}

func startFailed(cause error) error {
	var e *api.Error
	if errors.As(cause, &e) {
		return cause
	}
	e = &api.Error{
		Code: api.NoDaemon, Message: "no oauthd daemon is running, and one could not be started",
		Hint: "run oauthd serve to see why",
	}
	return e.Because(cause)
}

// contextError keeps a cancellation as it is and names a deadline.
func contextError(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		e := &api.Error{Code: api.Timeout, Message: "the daemon did not answer in time", Hint: "try again"}
		return e.Because(err)
	}
	return fmt.Errorf("client: %w", err)
}

// starting is one call of Client.Start that callers share.
type starting struct {
	done chan struct{}
	err  error // set before done is closed
}

func (s *starting) over() bool {
	select {
	case <-s.done:
		return true
	default:
		return false
	}
}

// lastStart returns the last call of Start, under way or over; nil when there was none.
func (c *Client) lastStart() *starting {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.starting
}

// start has the daemon started, unless another caller's start is under way or has ended since before was the last one:
// then its result counts.
func (c *Client) start(ctx context.Context, before *starting) error {
	c.mu.Lock()
	s := c.starting
	if s == nil || s == before && s.over() {
		s = &starting{done: make(chan struct{})}
		c.starting = s
		go func() {
			defer close(s.done)
			own, cancel := context.WithTimeout(context.WithoutCancel(ctx), startTimeout)
			defer cancel()
			// Between this caller's look and now another one may have started a daemon.
			p := c.place()
			if conn, err := connect(own, p.socket, p.uid); err == nil {
				_ = conn.Close()
				return
			}
			s.err = c.Start(own)
		}()
	}
	c.mu.Unlock()
	select {
	case <-s.done:
		return s.err
	case <-ctx.Done():
		return contextError(ctx.Err())
	}
}
