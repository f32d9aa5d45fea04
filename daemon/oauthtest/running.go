package oauthtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Running is a [Server] that serves. End it with [Running.Close].
type Running struct {
	*Server
	// URL is where the server is, without a path; see [Server.Issuer] for the issuer.
	URL string

	http   *http.Server
	client *http.Client
	done   chan struct{}
}

// Listen starts a server on a free port of 127.0.0.1. An Issuer of cfg that is "" or a path is put behind the
// server's address; any other is kept, so that a wrong one can be had too.
func Listen(cfg Config) (*Running, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("oauthtest: %w", err)
	}
	return serve(cfg, listener, listener.Addr().String(), (&net.Dialer{}).DialContext), nil
}

// Pipe starts a server at http://127.0.0.1, reached through memory and by [Running.Client] alone. It works in a bubble
// of testing/synctest, where network connections do not. Issuer is as for [Listen].
func Pipe(cfg Config) *Running {
	listener := &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
	return serve(cfg, listener, "127.0.0.1", listener.dial)
}

func serve(cfg Config, listener net.Listener, host string,
	dial func(ctx context.Context, network, address string) (net.Conn, error),
) *Running {
	base := "http://" + host
	if cfg.Issuer == "" || strings.HasPrefix(cfg.Issuer, "/") {
		cfg.Issuer = base + cfg.Issuer
	}
	server := New(cfg)
	r := &Running{
		Server: server,
		URL:    base,
		http: &http.Server{
			Handler:           server,
			ReadHeaderTimeout: 10 * time.Second,
			ErrorLog:          log.New(io.Discard, "", 0),
		},
		client: &http.Client{Transport: &http.Transport{DialContext: dial}},
		done:   make(chan struct{}),
	}
	go func() {
		defer close(r.done)
		_ = r.http.Serve(listener)
	}()
	return r
}

// Client returns the client that reaches the server; it is the same one at every call.
func (r *Running) Client() *http.Client { return r.client }

// Close ends the server and its connections; held and hanging requests end with them. It may be called more than once.
func (r *Running) Close() error {
	err := r.http.Close()
	r.client.CloseIdleConnections()
	<-r.done
	return err
}

// pipeListener accepts the other ends of what dial returns.
type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (l *pipeListener) dial(ctx context.Context, _, address string) (net.Conn, error) {
	if address != "127.0.0.1:80" {
		return nil, errors.New("oauthtest: a pipe leads to 127.0.0.1:80 alone")
	}
	near, far := net.Pipe()
	select {
	case l.conns <- far:
		return near, nil
	case <-l.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Accept implements [net.Listener].
func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conns:
		return conn, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close implements [net.Listener].
func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

// Addr implements [net.Listener].
func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80} }
