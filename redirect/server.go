package redirect

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// ErrClosed is what [Server.Wait] returns after [Server.Close] if no response has come.
var ErrClosed = errors.New("redirect: server closed")

const (
	headerTimeout = 5 * time.Second        // for the whole request header
	firstWait     = 700 * time.Millisecond // how long a browser waits for its first page
	resultWait    = 20 * time.Second       // how long that page waits before it has to ask again
	// A browser sends the cookies of every other server on this host too, whatever its port (RFC 6265 §8.5).
	maxHeader = maxQuery + 64<<10
)

// Server is the redirect server of one login. Its methods may be called from several goroutines at once.
type Server struct {
	all       *Servers
	cfg       Config
	port      int
	authority string // host:port, which the Host header must be
	// The browser that brings the response is sent to resultPath, one that comes too late to latePath.
	resultPath, latePath string
	policy               string      // the Content-Security-Policy of every answer
	tls                  *tls.Config // nil for http
	entrance             entrance

	httpd   *http.Server
	clients clients
	serving sync.WaitGroup

	answer   sync.Once
	answered chan struct{} // closed once response and err are set
	response Response
	err      error

	finish   sync.Once
	finished chan struct{} // closed once outcome and endedAt are set
	outcome  Page
	endedAt  time.Time
	expiry   *time.Timer // closes the server a while after the end; guarded by Servers.mu

	asked atomic.Bool // a browser has asked for the outcome
	seen  atomic.Bool // a browser has the outcome
	show  sync.Once
	shown chan struct{} // closed once no browser waits for the outcome any more

	// before is the ended login whose port this one has taken over; nil for none.
	before atomic.Pointer[Server]

	let    sync.Once // guards release
	close  sync.Once
	closed chan struct{}

	notices chan Notice // those that Wait has not passed on yet
	mu      sync.Mutex  // guards the fields below
	notice  func(Notice)
	noticed map[Notice]bool
}

// newServer makes a server that answers requests but has no listeners yet.
func (a *Servers) newServer(cfg Config, port int) (*Server, error) {
	secure, err := cfg.secureTLS()
	if err != nil {
		return nil, err
	}
	s := &Server{
		all:        a,
		cfg:        cfg.withoutNotice(),
		port:       port,
		authority:  fmt.Sprintf("%s:%d", cfg.Host, port),
		resultPath: "/result/" + rand.Text(),
		latePath:   "/result/" + rand.Text(),
		entrance:   entrance{path: "/go/" + rand.Text()},
		policy:     contentPolicy(),
		tls:        secure,
		notices:    make(chan Notice, maxNotices),
		notice:     cfg.Notice,
		noticed:    make(map[Notice]bool),
		answered:   make(chan struct{}),
		finished:   make(chan struct{}),
		shown:      make(chan struct{}),
		closed:     make(chan struct{}),
	}
	s.httpd = &http.Server{
		Handler:           http.HandlerFunc(s.handle),
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       headerTimeout,
		WriteTimeout:      resultWait + headerTimeout,
		MaxHeaderBytes:    maxHeader,
		ConnContext:       remember,
		ConnState:         s.clients.track,
		ErrorLog:          log.New(io.Discard, "", 0),
	}
	s.httpd.SetKeepAlivesEnabled(false)
	return s, nil
}

// accept answers what comes to l until the server is closed. If that fails, nobody has to wait for a response.
func (s *Server) accept(l net.Listener) {
	s.serving.Go(func() {
		err := s.httpd.Serve(s.listener(l))
		if !errors.Is(err, http.ErrServerClosed) {
			s.decide(Response{}, fmt.Errorf("redirect: serve: %w", err))
		}
	})
}

// listener makes l one whose connections are known to clients, and speak TLS if the redirect URI is https.
func (s *Server) listener(l net.Listener) net.Listener {
	l = clientListener{l, &s.clients}
	if s.tls != nil {
		return tls.NewListener(l, s.tls)
	}
	return helloListener{l, s.noticeHello}
}

// RedirectURI returns the redirect_uri of the authorization request, such as http://127.0.0.1:43123/callback.
func (s *Server) RedirectURI() string {
	return s.scheme() + "://" + s.authority + s.cfg.Path
}

// Wait blocks until a response with the right state has come, the server is closed, or ctx is done, and passes notices
// on to Config.Notice in the meantime. A response that has come wins over both. Each call returns the same response.
//
// The error is an [*AuthorizationError] if the authorization server refused, [ErrIssuerMismatch] or a [Defect] if its
// response must not be used; otherwise it wraps [ErrClosed] or ctx's error.
func (s *Server) Wait(ctx context.Context) (Response, error) {
	err := s.await(ctx)
	select {
	case <-s.answered:
		return s.response, s.err
	default:
		return Response{}, err
	}
}

// await returns why the wait is over if no response has come.
func (s *Server) await(ctx context.Context) error {
	for {
		select {
		case n := <-s.notices:
			if notice := s.noticing(); notice != nil {
				notice(n)
			}
		case <-s.answered:
			return nil
		case <-s.closed:
			return ErrClosed
		case <-ctx.Done():
			return fmt.Errorf("redirect: wait for the authorization response: %w", ctx.Err())
		}
	}
}

// decide ends the login with the first response that is given, and reports whether this was it; later ones change
// nothing.
func (s *Server) decide(r Response, err error) (first bool) {
	s.answer.Do(func() {
		first = true
		s.response, s.err = r, err
		close(s.answered)
	})
	return first
}

// Finish ends the login with what its person sees of it, and returns at once. The browser that brought the response, or
// that still brings one, gets its page for as long as the server stays; see [Servers]. Only the first page counts.
func (s *Server) Finish(p Page) {
	first := false
	s.finish.Do(func() {
		first = true
		s.outcome, s.endedAt = p, time.Now()
		s.mu.Lock()
		s.notice = nil // it may hold the login's secrets, which must not stay as long as the server
		s.mu.Unlock()
		close(s.finished)
	})
	if first {
		s.all.keep(s)
	}
}

// awaitShown returns once the browser that brought the response has its page. It does not wait if there is none, and no
// longer than 3 s after the end of the login.
func (s *Server) awaitShown() {
	select {
	case <-s.answered:
	default:
		return
	}
	grace := time.NewTimer(finishGrace - time.Since(s.endedAt))
	defer grace.Stop()
	select {
	case <-s.shown:
	case <-grace.C:
	case <-s.closed:
	}
}

// Close ends the server at once: when it returns, the port is free and no connection is open. It may be called again,
// and always returns nil.
func (s *Server) Close() error {
	s.close.Do(func() {
		close(s.closed)
		s.before.Store(nil)
	})
	s.release()
	return nil
}

// release frees the port, and ends the connections. The pages of the login can then be had through a server that has
// taken the port over.
func (s *Server) release() {
	s.let.Do(func() {
		_ = s.httpd.Close()
		s.clients.close()
		s.serving.Wait()
	})
}
