package ipc

import (
	"context"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"oauthd/daemon/account"

	"github.com/rs/zerolog"
)

// Config configures a [Server].
type Config struct {
	// Backend answers the requests.
	Backend Backend
	// Log gets one line for each refused connection and each failed request, never what a request contained. The zero
	// Logger writes nothing.
	Log zerolog.Logger
	// UID is our own; connections from any other user are refused.
	UID int
	// MaxConns bounds the connections that are open at once; any more are answered busy. 0 means 4096, or three
	// quarters of the process's file descriptors if that is less.
	MaxConns int
	// Requested is called as a request begins, concurrently, and must return at once; nil means that nobody wants to
	// know.
	Requested func()
}

// Server serves a [Backend] on Unix sockets, or on named pipes of Windows. It may be used concurrently.
type Server struct {
	cfg     Config
	limits  limits
	callers callers
	misses  misses
}

// limits are the time-outs of one connection, and what all connections share.
type limits struct {
	firstByte time.Duration // from accept to the first byte
	message   time.Duration // from a request's first byte to its last, or to the end of its header
	idleLine  time.Duration // between two lines
	idleHTTP  time.Duration // between two HTTP requests
	write     time.Duration // for the client to take one write
	request   time.Duration // for the backend's answer, unless it is a stream of events
	person    time.Duration // the same, for a request that waits for a person
	refuse    time.Duration // for the first byte of a connection that is to be refused
	grace     time.Duration // for requests under way when the server stops
	last      time.Duration // for their answers, once grace has passed

	arrivals int // bytes of memory, for all requests that have not been answered
}

const (
	maxTokenRequest = 64 << 10 // bytes of a line, of an HTTP header, and of most bodies
	maxRefusals     = 64       // refused connections whose first byte is waited for, at once
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
		person:    6 * time.Minute,
		refuse:    250 * time.Millisecond,
		grace:     5 * time.Second,
		last:      time.Second,
		arrivals:  maxArrivals,
	}}
}

// serving is one run of Serve.
type serving struct {
	*Server
	// stop ends once the server is to stop. base is the parent of all requests' contexts, and ends after the grace.
	stop, base context.Context
	// protocol is another program's; nil for ours. most is how many connections may be open.
	protocol Protocol
	most     int
	// socket limits what is served; nil for all there is.
	socket   *account.Socket
	handoff  chan *conn    // connections that speak HTTP, on their way to net/http
	refusals chan struct{} // a slot for each refused connection that is waited for
	buffers  buffers
	arrivals arrivals
	watchdog *watchdog
	lines    atomic.Int32 // connections that speak line JSON
	work     sync.WaitGroup

	// The order of locks: none of this package's mutexes, which are mu, watchdog.mu, arrivals.mu and requestContext.mu,
	// is taken while another is held.

	mu   sync.Mutex // guards the fields below
	open int
	own  map[*conn]struct{} // connections that net/http does not hold
	of   map[int]int        // how many connections each process has
}

// Serve answers connections to l until ctx ends. Then it closes l, ends idle connections and streams of events at once,
// gives other requests about 5 s to finish, and returns nil once all its goroutines have ended. An error means that l
// failed.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	return s.serve(ctx, l, &serving{most: s.cfg.MaxConns})
}

// Restrict is [Server.Serve] for a restricted socket: it serves tokens and changes of one account alone, to programs of
// the socket's user, and requests need not name the account. It counts connections of its own.
func (s *Server) Restrict(ctx context.Context, l net.Listener, socket account.Socket) error {
	return s.serve(ctx, l, &serving{socket: &socket, most: max(min(maxSpoken, s.cfg.MaxConns/4), 1)})
}

// Speak is [Server.Serve] for another program's protocol, under the same rules: callers of our own user alone, none of whom
// delays another. It counts connections of its own, so that neither kind of client takes the other's place.
func (s *Server) Speak(ctx context.Context, l net.Listener, p Protocol) error {
	return s.serve(ctx, l, &serving{protocol: p, most: max(min(maxSpoken, s.cfg.MaxConns/4), 1)})
}

// serve serves l as sv says.
func (s *Server) serve(ctx context.Context, l net.Listener, sv *serving) error {
	stop, cancel := context.WithCancel(ctx)
	defer cancel()
	base, cut := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cut(nil)
	sv.Server, sv.stop, sv.base, sv.watchdog = s, stop, base, newWatchdog()
	sv.handoff, sv.refusals = make(chan *conn), make(chan struct{}, maxRefusals)
	sv.own, sv.of = make(map[*conn]struct{}), make(map[int]int)
	sv.arrivals.room = s.limits.arrivals

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
	sv.watchdog.close()
	return err
}

// drain waits for the requests that are being answered, then for all goroutines.
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
