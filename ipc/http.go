package ipc

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"path"
	"strings"

	"oauthd/daemon/account"
	"oauthd/ipc/api"
)

// httpServer returns the server for the connections that speak HTTP.
func (sv *serving) httpServer() *http.Server {
	return &http.Server{
		Handler:           sv.guard(sv.handler()),
		ReadHeaderTimeout: sv.limits.message,
		IdleTimeout:       sv.limits.idleHTTP,
		MaxHeaderBytes:    maxTokenRequest,
		// What net/http reports is about malformed requests, whose content stays out of the log.
		ErrorLog:    log.New(io.Discard, "", 0),
		BaseContext: func(net.Listener) context.Context { return sv.base },
		ConnContext: func(ctx context.Context, nc net.Conn) context.Context {
			if c, ok := nc.(*conn); ok {
				ctx = context.WithValue(account.WithCaller(ctx, c.caller), connKey{}, c)
			}
			return ctx
		},
		ConnState: func(nc net.Conn, state http.ConnState) {
			c, ok := nc.(*conn)
			switch {
			case ok && state == http.StateNew:
				sv.work.Add(1)
			case ok && state == http.StateIdle:
				c.next()
			case ok && state == http.StateClosed:
				sv.leave(c)
				sv.work.Done()
			}
		},
	}
}

// guard decides, for all routes at once, whether a request may come in: a web page must not be able to send one.
func (sv *serving) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sv.cfg.Requested()
		if err := admissible(r); err != nil {
			sv.fail(w, r, "", err)
			return
		}
		// ServeMux would answer such a path with a redirect.
		if !strings.HasPrefix(r.URL.Path, "/") || path.Clean(r.URL.Path) != r.URL.Path {
			sv.unknownPath(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func admissible(r *http.Request) error {
	host := r.Host
	if strings.Contains(host, ":") {
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
	}
	if !strings.EqualFold(host, api.Host) && !strings.EqualFold(host, "localhost") {
		return &api.Error{
			Code: api.Forbidden, Message: "the Host header must be oauthd or localhost", Hint: "use http://oauthd/v1/…",
		}
	}
	for _, name := range [...]string{"Origin", "Referer"} {
		if _, ok := r.Header[name]; ok {
			return &api.Error{Code: api.Forbidden, Message: "requests with an " + name + " header are refused",
				Hint: "a web page may not use this API; call it from a program"}
		}
	}
	return nil
}

// handedOver is the listener of net/http: it accepts the connections that turned out to speak HTTP.
type handedOver struct {
	conns <-chan *conn
	stop  <-chan struct{}
	addr  net.Addr
}

func (h handedOver) Accept() (net.Conn, error) {
	select {
	case c := <-h.conns:
		return c, nil
	case <-h.stop:
		return nil, net.ErrClosed
	}
}

func (handedOver) Close() error     { return nil }
func (h handedOver) Addr() net.Addr { return h.addr }
