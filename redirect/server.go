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
	"net/url"
	"strings"
	"sync"
	"time"
)

// ErrClosed is what [Server.Wait] returns after [Server.Close] when no response came.
var ErrClosed = errors.New("redirect: server closed")

const (
	minState      = 43               // 256 bits in base64url
	headerTimeout = 5 * time.Second  // for the whole request header
	resultWait    = 20 * time.Second // how long a browser is kept waiting before it is told to ask again
	finishGrace   = 3 * time.Second  // how long Finish waits for the browser to fetch its page
	// A browser sends the cookies of every other server on this host too, whatever its port (RFC 6265 §8.5).
	maxHeader = maxQuery + 64<<10
)

// Config says what one login's server listens on and what it accepts. The zero values are the defaults, but State is
// required.
type Config struct {
	// Host is the redirect URI's: "127.0.0.1", "[::1]", or "localhost" for both families on one port. A family that
	// the machine lacks is skipped. "" means "127.0.0.1".
	Host string
	// Ports are the candidates in their order; the first that is free is taken. Empty means any free port.
	Ports []int
	// Path is compared byte by byte; "" means "/callback".
	Path string
	// State is the state of the authorization request, of at least 43 characters (256 bits in base64url).
	State string
	// Issuer is what an iss in the response must be (RFC 9207 §2.4); "" means that iss is not compared.
	Issuer string
	// RequireIssuer refuses a response without iss, for a server that announced
	// authorization_response_iss_parameter_supported (RFC 9207 §2.4). It needs an Issuer.
	RequireIssuer bool
	// PeerUID is the user whose browser may come, beside root; -1 lets everybody in. It is checked on Linux alone,
	// where /proc/net tells, and the zero value is root's.
	PeerUID int
	// ResponseMode is the response_mode of the authorization request, "query" or "form_post" (OAuth 2.0 Form Post
	// Response Mode §2); "" means query. A response in the other mode is answered 404 and changes nothing.
	ResponseMode string
	// HTTPS makes the redirect URI an https one, spoken over HTTP/1.1. Plain http to it gets a 400 without any effect.
	HTTPS bool
	// Certificate is what the server shows under HTTPS; nil means one made for this login, valid for a day, whose key
	// is never written anywhere and of which the browser will warn: see [Server.CertificateFingerprint].
	Certificate *tls.Certificate
	// Notice is told what the person should know while the login goes on waiting, each notice once, from within
	// [Server.Wait]; nil drops them.
	Notice func(Notice)
}

// Server is the redirect server of one login. Its methods may be called at the same time from several goroutines.
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
	shown chan struct{} // closed once a browser has got the result

	close  sync.Once
	closed chan struct{}

	notices chan Notice // those that Wait has not passed on yet
	mu      sync.Mutex  // guards noticed
	noticed map[Notice]bool
}

// Listen starts a server; when it returns, the redirect URI can be reached. The ctx is for this call alone. Errors wrap
// [ErrPortUnavailable] when the ports are taken, and then name who has them where the system tells; others are mistakes
// in cfg or a machine without loopback addresses.
// Every server must come to [Server.Finish] or [Server.Close].
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
		s.serving.Go(func() {
			err := s.httpd.Serve(s.listener(l))
			if !errors.Is(err, http.ErrServerClosed) {
				s.decide(Response{}, fmt.Errorf("redirect: serve: %w", err))
			}
		})
	}
	return s, nil
}

func (cfg Config) check() error {
	switch {
	case cfg.ResponseMode != "" && cfg.ResponseMode != modeQuery && cfg.ResponseMode != modeFormPost:
		return fmt.Errorf("%q is not a response mode that can be served", cfg.ResponseMode)
	case cfg.Certificate != nil && !cfg.HTTPS:
		return errors.New("a certificate is given but https is not asked for")
	}
	if len(cfg.State) < minState {
		return fmt.Errorf("the state has fewer than %d characters", minState)
	}
	if cfg.RequireIssuer && cfg.Issuer == "" {
		return errors.New("an issuer is required but not named")
	}
	if !strings.HasPrefix(cfg.Path, "/") || strings.ContainsAny(cfg.Path, "?#") {
		return fmt.Errorf("%q is not the path of a redirect URI", cfg.Path)
	}
	if u, err := url.ParseRequestURI(cfg.Path); err != nil || u.EscapedPath() != cfg.Path {
		return fmt.Errorf("%q is not the path of a redirect URI", cfg.Path)
	}
	return nil
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
// on to [Config] in the meantime. A response that has come wins over both. Each call returns the same response.
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

// Finish tells the outcome of the login, shows it as a page to the browser that brought the response, and closes the
// server. It returns when the page has been fetched, which takes milliseconds where a browser waits for it, after 3 s
// where none does, when ctx is done, and at once when no response ever came. So tell the terminal first. Only the first
// page counts. A response that was pasted has no browser to wait for.
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

// Close ends the server at once: the port is free and no connection is open when it returns. It may be called again,
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
