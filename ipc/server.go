package ipc

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"

	"github.com/rs/zerolog"

	"oauthd/daemon/account"
	"oauthd/ipc/api"
	"oauthd/ipc/peer"
)

// Config is what a [Server] is made of.
type Config struct {
	// Backend answers; required.
	Backend Backend
	// Log gets one line per refused connection and per failed request, never a request's content. The zero Logger
	// writes nothing.
	Log zerolog.Logger
	// UID is our own; connections of any other user are refused.
	UID int
	// MaxConns bounds the connections open at once; those beyond it get busy. 0 means 4096, or three quarters of the
	// process's file descriptors where that is less.
	MaxConns int
	// Requested, where set, is called as a request begins, concurrently; it must return at once.
	Requested func()
}

// Server serves a [Backend] on Unix sockets. It is safe for concurrent use.
type Server struct {
	cfg    Config
	limits limits
}

// limits are the time-outs of one connection.
type limits struct {
	firstByte time.Duration // from accept to the first byte
	message   time.Duration // from a request's first byte to its last, or to the end of its header
	idleLine  time.Duration // between two lines
	idleHTTP  time.Duration // between two HTTP requests
	write     time.Duration // for one write that the client does not take
	request   time.Duration // for the backend's answer, logins excepted
	refuse    time.Duration // for the first byte of a connection that is to be refused
	grace     time.Duration // for requests under way when the server stops
	last      time.Duration // for their answers, once grace has passed
}

const (
	maxTokenRequest = 64 << 10
	maxDefinition   = 1 << 20
	maxRefusals     = 64 // refused connections that are waited for at once
)

// New returns a server. It does nothing until [Server.Serve].
func New(cfg Config) *Server {
	if cfg.MaxConns <= 0 {
		cfg.MaxConns = 4096
		if n := maxFiles(); n > 0 {
			cfg.MaxConns = min(cfg.MaxConns, max(n/4*3, 1))
		}
	}
	if cfg.Requested == nil {
		cfg.Requested = func() {}
	}
	return &Server{cfg: cfg, limits: limits{
		firstByte: 10 * time.Second,
		message:   10 * time.Second,
		idleLine:  10 * time.Minute,
		idleHTTP:  2 * time.Minute,
		write:     10 * time.Second,
		request:   time.Minute,
		refuse:    250 * time.Millisecond,
		grace:     5 * time.Second,
		last:      time.Second,
	}}
}

// serving is one run of Serve.
type serving struct {
	*Server
	// stop is done once the server is to stop; base is what requests run under, and ends after the grace.
	stop, base context.Context
	handoff    chan *conn    // connections that speak HTTP, on their way to net/http
	refusals   chan struct{} // a slot for each refused connection that is waited for
	answers    answers
	watch      *watch
	work       sync.WaitGroup

	mu   sync.Mutex // guards the fields below
	open int
	own  map[*conn]struct{} // connections that net/http does not hold
}

// Serve answers connections of l until ctx is done, then stops: it closes l, ends idle connections and logins at once,
// lets other requests under way finish within about 5 s, and returns nil after its goroutines have ended. An error
// means that l failed.
func (s *Server) Serve(ctx context.Context, l *net.UnixListener) error {
	stop, cancel := context.WithCancel(ctx)
	defer cancel()
	base, cut := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cut(nil)
	sv := &serving{
		Server: s, stop: stop, base: base,
		handoff: make(chan *conn), refusals: make(chan struct{}, maxRefusals),
		own: make(map[*conn]struct{}), watch: newWatch(),
	}

	web := sv.httpServer()
	var front sync.WaitGroup
	front.Go(func() { _ = web.Serve(handedOver{sv.handoff, stop.Done(), l.Addr()}) })
	front.Go(func() {
		<-stop.Done()
		_ = l.Close()
		sv.expireOwn()
	})

	err := sv.accept(l)
	cancel()
	front.Wait()
	sv.drain(web, cut)
	sv.watch.close()
	return err
}

// accept starts a goroutine for each connection until the server is to stop.
func (sv *serving) accept(l *net.UnixListener) error {
	const firstPause, lastPause = 5 * time.Millisecond, time.Second
	pause := firstPause
	for {
		uc, err := l.AcceptUnix()
		switch {
		case err == nil:
			pause = firstPause
		case sv.stop.Err() != nil:
			return nil
		case passing(err):
			sv.cfg.Log.Warn().Err(err).Msg("connection not accepted")
			select {
			case <-time.After(pause):
			case <-sv.stop.Done():
			}
			pause = min(2*pause, lastPause)
			continue
		default:
			return fmt.Errorf("ipc: accept: %w", err)
		}
		c := &conn{UnixConn: uc, writeTimeout: sv.limits.write, watch: sv.watch}
		if sv.enter(c) {
			sv.watch.add(c)
			sv.work.Go(func() { sv.handle(c) })
		} else {
			sv.turnAway(c)
		}
	}
}

// passing reports whether an error of accept goes away by itself.
func passing(err error) bool {
	for _, e := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ECONNABORTED, syscall.ENOBUFS, syscall.ENOMEM} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// handle names the caller, tells the protocol by the first byte and serves it.
func (sv *serving) handle(c *conn) {
	p, err := peer.Of(c.UnixConn)
	if err != nil || p.UID != sv.cfg.UID {
		sv.cfg.Log.Warn().Err(err).Int("uid", p.UID).Int("pid", p.PID).Msg("connection of another user refused")
		c.refuse(sv.limits.refuse, &api.Error{
			Code: api.Forbidden, Message: "this daemon serves another user", Hint: "start your own with oauthd serve",
		})
		sv.leave(c)
		return
	}
	c.caller = account.Caller{UID: p.UID, PID: p.PID, Executable: p.Executable}

	buf := make([]byte, lineBuffer)
	n := 0
	if sv.readBy(c, sv.limits.firstByte) {
		n, _ = c.UnixConn.Read(buf)
	}
	switch {
	case n == 0:
		sv.leave(c)
	case buf[0] == '{':
		sv.serveLines(c, &lineReader{conn: c.UnixConn, buf: buf, end: n})
		sv.leave(c)
	default:
		c.head = buf[:n]
		sv.disown(c)
		select {
		case sv.handoff <- c:
		case <-sv.stop.Done():
			sv.leave(c)
		}
	}
}

// readBy sets c's read deadline d from now. It returns false when the server is to stop: expireOwn may have come
// before the deadline was set.
func (sv *serving) readBy(c *conn, d time.Duration) bool {
	_ = c.SetReadDeadline(time.Now().Add(d))
	return sv.stop.Err() == nil
}

func (sv *serving) enter(c *conn) bool {
	sv.mu.Lock()
	defer sv.mu.Unlock()
	if sv.open >= sv.cfg.MaxConns {
		return false
	}
	sv.open++
	sv.own[c] = struct{}{}
	return true
}

func (sv *serving) disown(c *conn) {
	sv.mu.Lock()
	defer sv.mu.Unlock()
	delete(sv.own, c)
}

func (sv *serving) leave(c *conn) {
	_ = c.Close()
	sv.watch.remove(c)
	sv.mu.Lock()
	defer sv.mu.Unlock()
	delete(sv.own, c)
	sv.open--
}

// turnAway tells a connection beyond the bound that the daemon is busy.
func (sv *serving) turnAway(c *conn) {
	busy := &api.Error{
		Code: api.Busy, Message: "too many connections are open", Hint: "close some, or try again", RetryAfter: 1,
	}
	select {
	case sv.refusals <- struct{}{}:
		sv.work.Go(func() {
			c.refuse(sv.limits.refuse, busy)
			_ = c.Close()
			<-sv.refusals
		})
	default:
		c.refuse(0, busy)
		_ = c.Close()
	}
}

// expireOwn ends every read of a connection that waits for a line or its first byte.
func (sv *serving) expireOwn() {
	sv.mu.Lock()
	defer sv.mu.Unlock()
	for c := range sv.own {
		_ = c.UnixConn.SetReadDeadline(longAgo())
	}
}

// drain waits for requests under way, then for all goroutines.
func (sv *serving) drain(web *http.Server, cut context.CancelCauseFunc) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		patient, cancel := context.WithTimeout(context.Background(), sv.limits.grace+sv.limits.last)
		defer cancel()
		if web.Shutdown(patient) != nil {
			_ = web.Close()
		}
		sv.work.Wait()
	}()
	grace, last := time.NewTimer(sv.limits.grace), time.NewTimer(sv.limits.grace+sv.limits.last)
	defer grace.Stop()
	defer last.Stop()
	for {
		select {
		case <-done:
			return
		case <-grace.C:
			cut(errStopping())
		case <-last.C:
			sv.mu.Lock()
			for c := range sv.own {
				_ = c.Close()
			}
			sv.mu.Unlock()
		}
	}
}
