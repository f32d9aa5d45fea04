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
	"time"
)

// ErrClosed is what [Server.Wait] returns after [Server.Close] if no response has come.
var ErrClosed = errors.New("redirect: server closed")

const (
	headerTimeout = 5 * time.Second  // for the whole request header
	resultWait    = 20 * time.Second // how long a browser waits before it has to ask again
	finishGrace   = 3 * time.Second  // how long Finish waits for the browser to fetch its page
	// A browser sends the cookies of every other server on this host too, whatever its port (RFC 6265 §8.5).
	maxHeader = maxQuery + 64<<10
)

// Server is the redirect server of one login. Its methods may be called from several goroutines at once.
type Server struct {
	cfg        Config
	authority  string // host:port, which the Host header must be
	resultPath string
	policy     string // the Content-Security-Policy of every answer
	peers      peerTables
	tls        *tls.Config // nil for http

	httpd   *http.Server
	clients clients
	serving sync.WaitGroup

	answer   sync.Once
	answered chan struct{} // closed once response and err are set
	response Response
	err      error

	finish   sync.Once
	finished chan struct{} // closed once result is set
	result   []byte

	show  sync.Once
	shown chan struct{} // closed once a browser has the result

	close  sync.Once
	closed chan struct{}

	notices chan Notice // those that Wait has not passed on yet
	mu      sync.Mutex  // guards noticed
	noticed map[Notice]bool
}

// Listen starts a server; when it returns, the redirect URI can be reached. The ctx is for this call only. The error
// wraps [ErrPortUnavailable] if the ports are taken, and then names who has them if the system shows it; any other
// error is a mistake in cfg, or a machine without loopback addresses.
//
// Call [Server.Finish] or [Server.Close] on every server.
func Listen(ctx context.Context, cfg Config) (*Server, error) {
	if cfg.Host == "" {
		cfg.Host = "127.0.0.1"
	}
	if cfg.Path == "" {
		cfg.Path = "/callback"
	}
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("redirect: %w", err)
	}
	listeners, port, err := listenLoopback(ctx, cfg.Host, cfg.Ports, listenTCP)
	if err != nil {
		return nil, fmt.Errorf("redirect: %w", err)
	}
	s, err := newServer(cfg, port)
	if err != nil {
		for _, l := range listeners {
			_ = l.Close()
		}
		return nil, fmt.Errorf("redirect: %w", err)
	}
	for _, l := range listeners {
		s.serve(l)
	}
	return s, nil
}

// newServer makes a server that answers requests but has no listeners yet.
func newServer(cfg Config, port int) (*Server, error) {
	secure, err := cfg.secureTLS()
	if err != nil {
		return nil, err
	}
	s := &Server{
		cfg:        cfg,
		authority:  fmt.Sprintf("%s:%d", cfg.Host, port),
		resultPath: "/result/" + rand.Text(),
		policy:     contentPolicy(),
		peers:      procNet(),
		tls:        secure,
		notices:    make(chan Notice, maxNotices),
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
		ConnState:         s.clients.track,
		ErrorLog:          log.New(io.Discard, "", 0),
	}
	s.httpd.SetKeepAlivesEnabled(false)
	return s, nil
}

// serve answers what comes to l until the server is closed. If that fails, nobody has to wait for a response.
func (s *Server) serve(l net.Listener) {
	s.serving.Go(func() {
		err := s.httpd.Serve(s.listener(l))
		if !errors.Is(err, http.ErrServerClosed) {
			s.decide(Response{}, fmt.Errorf("redirect: serve: %w", err))
		}
	})
}

// listener makes l one whose connections are known to clients, and speak TLS if the redirect URI is https.
func (s *Server) listener(l net.Listener) net.Listener {
	if s.tls != nil {
		l = tls.NewListener(l, s.tls)
	} else {
		l = helloListener{l, s.noticeHello}
	}
	return clientListener{l, &s.clients}
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
			s.cfg.Notice(n)
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

// Finish shows the outcome of the login as a page to the browser that brought the response, and closes the server. It
// returns once the page has been fetched, which takes milliseconds if a browser waits for it; after 3 s if none does;
// when ctx is done; and at once if no response ever came or it was pasted, because then no browser waits. So report to
// the terminal first. Only the first page counts.
func (s *Server) Finish(ctx context.Context, p Page) {
	s.finish.Do(func() {
		s.result = p.view().render()
		close(s.finished)
	})
	select {
	case <-s.answered:
		grace := time.NewTimer(finishGrace)
		defer grace.Stop()
		select {
		case <-s.shown:
		case <-grace.C:
		case <-ctx.Done():
		case <-s.closed:
		}
	default:
	}
	_ = s.Close()
}

// Close ends the server at once: when it returns, the port is free and no connection is open. It may be called again,
// and always returns nil.
func (s *Server) Close() error {
	s.close.Do(func() {
		close(s.closed)
		_ = s.httpd.Close()
		s.clients.close()
		s.serving.Wait()
	})
	return nil
}
