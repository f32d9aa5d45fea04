package redirect

import (
	"context"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"
)

const (
	// Linger is how long the server of a login that has ended answers: reloads, a second tab, an approval that comes
	// too late.
	Linger = 5 * time.Minute
	// Other programs may want a port that has a name in a registration, so it is given back sooner: after an answer as soon
	// as its browser has had time for the page and the icon, and without one after a while that helps most.
	lingerNamed, lingerNamedUnanswered = 10 * time.Second, time.Minute
	// maxLingering is how many of them there may be.
	maxLingering = 16
	finishGrace  = 3 * time.Second // how long a browser has to fetch its page when all servers close
)

// Servers are the redirect servers of one daemon: those of the logins under way, and for a while those of logins that
// have ended, so that a browser that comes late gets a page that explains. The zero value is ready. It is safe for
// concurrent use.
//
// An ended login stands in no other's way: a new server that wants its port gets it, and answers for both.
type Servers struct {
	mu     sync.Mutex // guards the fields below
	ended  []*Server  // oldest first
	closed bool
}

// Listen starts a server; when it returns, the redirect URI can be reached. The ctx is for this call only. The error
// wraps [ErrPortUnavailable] if the ports are taken, and then names who has them if the system shows it; any other
// error is a mistake in cfg, or a machine without loopback addresses.
//
// Call [Server.Finish] or [Server.Close] on every server.
func (a *Servers) Listen(ctx context.Context, cfg Config) (*Server, error) {
	if cfg.Host == "" {
		cfg.Host = "127.0.0.1"
	}
	if cfg.Path == "" {
		cfg.Path = "/callback"
	}
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("redirect: %w", err)
	}
	listeners, port, err := listenLoopback(ctx, cfg.Host, cfg.Ports, a.listen)
	if err != nil {
		return nil, fmt.Errorf("redirect: %w", err)
	}
	s, err := a.newServer(cfg, port)
	if err != nil {
		for _, l := range listeners {
			_ = l.Close()
		}
		return nil, fmt.Errorf("redirect: %w", err)
	}
	s.before.Store(a.last(port))
	for _, l := range listeners {
		s.accept(l)
	}
	return s, nil
}

// listen opens a listener. If an ended login has the port, it lets go of it.
func (a *Servers) listen(ctx context.Context, network, address string) (net.Listener, error) {
	l, err := listenTCP(ctx, network, address)
	if !isPortTaken(err) {
		return l, err
	}
	to, parseErr := net.ResolveTCPAddr(network, address)
	if parseErr != nil {
		return nil, err
	}
	last := a.last(to.Port)
	if last == nil {
		return nil, err
	}
	last.release()
	return listenTCP(ctx, network, address)
}

// last returns the login that ended last at a port, and whose pages can still be had; nil if there is none.
func (a *Servers) last(port int) *Server {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, s := range slices.Backward(a.ended) {
		if s.port == port {
			return s
		}
	}
	return nil
}

// keep lets the server of a login that has ended answer for a while.
func (a *Servers) keep(s *Server) {
	if isClosed(s.closed) {
		return
	}
	a.mu.Lock()
	closed, evicted := a.closed, (*Server)(nil)
	if !closed {
		a.ended = append(a.ended, s)
		if len(a.ended) > maxLingering {
			evicted = a.ended[0]
			a.ended = slices.Delete(a.ended, 0, 1)
		}
		s.expiry = time.AfterFunc(s.linger(), func() { a.drop(s) })
	}
	a.mu.Unlock()
	if closed {
		s.awaitShown()
		_ = s.Close()
	}
	if evicted != nil {
		a.drop(evicted)
	}
}

// linger is how long s answers after the end of its login.
func (s *Server) linger() time.Duration {
	switch {
	case len(s.cfg.Ports) == 0:
		return Linger
	case s.isAnswered():
		return lingerNamed
	}
	return lingerNamedUnanswered
}

func (a *Servers) drop(s *Server) {
	a.mu.Lock()
	a.ended = slices.DeleteFunc(a.ended, func(other *Server) bool { return other == s })
	a.mu.Unlock()
	s.expiry.Stop()
	_ = s.Close()
}

// Forget ends the servers of all logins that have ended, at once.
func (a *Servers) Forget() {
	a.mu.Lock()
	ended := slices.Clone(a.ended)
	a.mu.Unlock()
	for _, s := range ended {
		a.drop(s)
	}
}

// Close ends the servers of all logins that have ended, as soon as each browser has its page, and lets none stay from now
// on.
func (a *Servers) Close() {
	a.mu.Lock()
	ended := a.ended
	a.ended, a.closed = nil, true
	a.mu.Unlock()
	for _, s := range ended {
		s.awaitShown()
		a.drop(s)
	}
}
