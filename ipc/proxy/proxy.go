// Package proxy is an HTTP proxy in front of one server that adds an account's access token to each request, so that a
// program can use the account and never hold a token. It removes the authorization that the client sends, passes bodies
// on as they come, and follows no redirect.
package proxy

import (
	"bufio"
	"context"
	"crypto/subtle"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"oauthd/ipc/api"
	"oauthd/ipc/client"
)

// SecretHeader is the header in which a client may send the secret, instead of as the first segment of the path.
const SecretHeader = "X-Oauthd-Secret"

const (
	bufferSize    = 16 << 10         // for a body
	eventBuffer   = 1 << 10          // for a stream of events, which stays open for long
	connBuffer    = 1 << 10          // of a connection to the upstream, which bodies pass by
	headerTimeout = 10 * time.Second // for the whole request header
	idleTimeout   = 2 * time.Minute
	maxHeader     = 64 << 10
	maxMethod     = 32 // of a method and a URL in the audit log, in bytes
	maxURL        = 512
)

// Config says what the proxy passes on, and where to.
type Config struct {
	// Upstream is where requests go. Their path is added to its own.
	Upstream *url.URL
	// Request names the account, and what its tokens must be for.
	Request api.TokenRequest
	// Secret is what clients must know; "" if the way here is guarded otherwise.
	Secret string
	// Limits are the requests that are passed on.
	Limits Limits
	// Complain is called with each error of the daemon's, and with nil whenever a request was answered by the upstream.
	Complain func(error)
	// Note has requests that were answered put into the audit log, some at a time, right after; nil means that there is
	// none. See [Proxy.Settle].
	Note func(ctx context.Context, all []api.ProxiedRequest) error
	// Log is called once for each request that has been answered, with the path as the upstream has it and no query;
	// nil means that nobody wants to know.
	Log func(method, path string, status int)
}

// Proxy passes requests on. It may be used concurrently.
type Proxy struct {
	cfg     Config
	forward *httputil.ReverseProxy
	notes   notes
	buffers sync.Pool
	over    context.Context // ends with the proxy
	end     context.CancelFunc
}

// New returns a proxy that has its tokens from c and reaches the upstream over base; nil means a transport of its own,
// which heeds HTTPS_PROXY.
func New(cfg Config, c *client.Client, base http.RoundTripper) *Proxy {
	if base == nil {
		base = outward()
	}
	if cfg.Note == nil {
		cfg.Note = func(context.Context, []api.ProxiedRequest) error { return nil }
	}
	p := &Proxy{cfg: cfg}
	p.over, p.end = context.WithCancel(context.Background())
	p.notes = notes{write: cfg.Note, complain: cfg.Complain, hurry: make(chan struct{}, 1), ended: p.over}
	p.forward = &httputil.ReverseProxy{
		Rewrite:      p.rewrite,
		Transport:    onlyRepeatable{c.Transport(cfg.Request, base)},
		ErrorHandler: p.failed,
		ErrorLog:     log.New(io.Discard, "", 0),
	}
	return p
}

// outward returns a transport that changes nothing about a body and waits for a long answer.
func outward() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.DisableCompression = true // what the client does not accept, it does not get
	t.MaxIdleConns = 0
	t.MaxIdleConnsPerHost = 64
	t.ReadBufferSize, t.WriteBufferSize = connBuffer, connBuffer
	return t
}

// Serve answers the requests that come to l, a socket that only the right programs can reach, until ctx ends, and
// closes l; it returns nil then.
func Serve(ctx context.Context, l net.Listener, h http.Handler) error {
	server := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          log.New(io.Discard, "", 0),
		Protocols:         new(http.Protocols),
	}
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetUnencryptedHTTP2(true)
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	err := server.Serve(l)
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// ServeHTTP implements [http.Handler].
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path, ok := p.admit(r)
	if !ok {
		refuse(w, http.StatusForbidden, &api.Error{
			Code: api.Forbidden, Message: "the request does not have the proxy's secret",
			Hint: "use the whole URL that was given, with the first segment of its path",
		})
		return
	}
	p.notes.begin()
	seen := &recorder{ResponseWriter: w}
	method := r.Method
	ended := func() { p.note(method, path, seen) } // which may be hours later, and keeps no more than that
	plain, err := p.cfg.Limits.check(r, path)
	if err != nil {
		seen.code = err.Code
		refuse(seen, http.StatusForbidden, err)
		ended()
		return
	}
	p.pass(seen, r, &url.URL{Path: plain, RawPath: path, RawQuery: r.URL.RawQuery, ForceQuery: r.URL.ForceQuery}, ended)
}

// pass passes a request for to on, and calls ended at the end of the answer, which may come later.
func (p *Proxy) pass(w *recorder, r *http.Request, to *url.URL, ended func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(r.Context()))
	detach := context.AfterFunc(r.Context(), cancel)
	stay := context.AfterFunc(p.over, cancel)
	end := func() {
		stay()
		cancel()
	}
	later := false
	defer func() {
		detach()
		if !later {
			end()
			ended()
		}
	}()
	body := &readBody{ReadCloser: r.Body}
	body.read.Store(r.ContentLength == 0)
	inner := r.WithContext(ctx)
	inner.URL, inner.Body = to, body
	forward := *p.forward
	buffer := &oneBuffer{of: &p.buffers}
	forward.BufferPool = buffer
	forward.ModifyResponse = func(res *http.Response) error {
		p.cfg.Complain(nil)
		if buffer.events = isEvents(res); !buffer.events || !body.read.Load() {
			return nil
		}
		server := w.ResponseWriter
		w.status, w.ResponseWriter = res.StatusCode, nil
		if later = takeOver(server, r, res, end, ended); later {
			return errTakenOver
		}
		w.ResponseWriter = server
		return nil
	}
	forward.ServeHTTP(w, inner)
}

// note has an answered request written down.
func (p *Proxy) note(method, path string, seen *recorder) {
	if p.cfg.Log != nil {
		p.cfg.Log(method, path, seen.status)
	}
	to := p.cfg.Upstream
	p.notes.add(api.ProxiedRequest{
		Account: p.cfg.Request.Account, Method: cut(method, maxMethod),
		URL:    cut(to.Scheme+"://"+to.Host+strings.TrimSuffix(to.EscapedPath(), "/")+path, maxURL),
		Status: seen.status, Code: seen.code,
	})
}

// Settle ends the streams that are open, and waits until all answered requests are in the audit log, or for ctx. Nothing may be
// passed on any more.
func (p *Proxy) Settle(ctx context.Context) {
	p.end()
	p.notes.settle(ctx)
}

// admit returns the request's path, escaped and without the secret; false if the request does not have that.
func (p *Proxy) admit(r *http.Request) (path string, ok bool) {
	path = r.URL.EscapedPath()
	if p.cfg.Secret == "" || p.knows(r.Header.Get(SecretHeader)) {
		return path, true
	}
	first, rest, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return "/" + rest, p.knows(first)
}

func (p *Proxy) knows(secret string) bool {
	return subtle.ConstantTimeCompare([]byte(secret), []byte(p.cfg.Secret)) == 1
}

// rewrite makes a client's request the upstream's.
func (p *Proxy) rewrite(r *httputil.ProxyRequest) {
	r.SetURL(p.cfg.Upstream)
	r.Out.URL.RawQuery = r.In.URL.RawQuery // as it was sent: nothing here has read it
	r.Out.Trailer = nil
	for _, name := range []string{"Authorization", "Proxy-Authorization", "DPoP", SecretHeader} {
		r.Out.Header.Del(name)
	}
}

// failed answers a request that the upstream did not.
func (p *Proxy) failed(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, errTakenOver) {
		return
	}
	if r.Context().Err() != nil {
		w.WriteHeader(http.StatusBadGateway)
		return // nobody waits for it any more
	}
	var e *api.Error
	if !errors.As(err, &e) {
		e = (&api.Error{
			Code: api.ProviderUnreachable, Message: p.cfg.Upstream.Host + " cannot be reached: " + api.Excerpt(err.Error()),
			Hint: "try again later",
		}).Because(err)
	}
	p.cfg.Complain(e)
	w.(*recorder).code = e.Code
	refuse(w, status(e.Code), e)
}

// recorder notes an answer's status, and why it is not the upstream's. It passes on each piece of a body at once, as
// [httputil.ReverseProxy] does by itself if the length is not known, but the last one together with the end.
type recorder struct {
	http.ResponseWriter
	status int
	code   api.Code
	left   int64 // of a body whose length is known, in bytes
}

// WriteHeader implements [http.ResponseWriter].
func (r *recorder) WriteHeader(status int) {
	r.status = status // the last one: others before it are informational
	r.left, _ = strconv.ParseInt(r.Header().Get("Content-Length"), 10, 64)
	r.ResponseWriter.WriteHeader(status)
	if r.left > bufferSize {
		r.flush()
	}
}

// Write implements [io.Writer].
func (r *recorder) Write(p []byte) (int, error) {
	n, err := r.ResponseWriter.Write(p)
	if r.left -= int64(n); r.left > 0 && err == nil {
		r.flush()
	}
	return n, err
}

func (r *recorder) flush() { _ = http.NewResponseController(r.ResponseWriter).Flush() }

// Hijack implements [http.Hijacker]: an upgraded connection's answer is written past WriteHeader.
func (r *recorder) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	r.status = http.StatusSwitchingProtocols
	return http.NewResponseController(r.ResponseWriter).Hijack()
}

// Unwrap is for [http.ResponseController].
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// oneBuffer is an [httputil.BufferPool] for the body of one answer.
type oneBuffer struct {
	of     *sync.Pool
	events bool
}

// Get implements [httputil.BufferPool].
func (b *oneBuffer) Get() []byte {
	if b.events {
		return make([]byte, eventBuffer)
	}
	if held, ok := b.of.Get().(*[]byte); ok {
		return *held
	}
	return make([]byte, bufferSize)
}

// Put implements [httputil.BufferPool].
func (b *oneBuffer) Put(buffer []byte) {
	if !b.events {
		b.of.Put(&buffer)
	}
}
