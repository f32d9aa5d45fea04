// Package emulate serves, on loopback, a protocol by which programs get their tokens without knowing of oauthd. The rooms
// below it speak one protocol each; this one is the door that they share.
//
// It lets in programs of one user, and root's: on Linux the kernel says whose a connection is. Other systems do not, so
// there a protocol must demand a secret that only the program it serves has been given. What came through a browser or a
// proxy is refused everywhere.
package emulate

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"os"
	"sync"
	"time"

	"oauthd/ipc/peer"
)

const (
	headerTimeout = 5 * time.Second // for the whole request header
	idleTimeout   = 2 * time.Minute
	maxHeader     = 32 << 10
)

// Listen opens a loopback port that is free.
func Listen(ctx context.Context) (*net.TCPListener, error) {
	var config net.ListenConfig
	config.SetMultipathTCP(false) // so that each connection is an ordinary row of /proc/net/tcp
	l, err := config.Listen(ctx, "tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	return l.(*net.TCPListener), nil
}

// Checks reports whether this system says whose a connection is, so that [Serve] can refuse other users'.
func Checks() bool { return peer.ShowsTCPOwner() }

// Serve answers the requests that come to l until ctx ends, and closes l; it returns nil then. If checked is true, other
// users' connections are refused, and so are those of which the system does not say whose they are.
func Serve(ctx context.Context, l net.Listener, checked bool, h http.Handler) error {
	server := &http.Server{
		Handler:           Guard(l.Addr().String(), h),
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          log.New(io.Discard, "", 0),
	}
	if checked {
		server.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
			// Once for each connection, and not before it has sent a header: others' connections are not waited for.
			return context.WithValue(ctx, stranger{}, sync.OnceValue(func() bool { return !ours(c, os.Getuid(), peer.TCPOwner) }))
		}
	}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	err := server.Serve(l)
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// stranger is the key under which a connection's context has a function that reports whether it is another user's.
type stranger struct{}

// ours reports whether the other end of c belongs to uid or root.
func ours(c net.Conn, uid int, owner func(client, server netip.AddrPort) (int, error)) bool {
	client, ok := c.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return false
	}
	server, ok := c.LocalAddr().(*net.TCPAddr)
	if !ok {
		return false
	}
	got, err := owner(client.AddrPort(), server.AddrPort())
	return err == nil && (got == uid || got == 0)
}

// Guard refuses what has no business at a server for one program: another Host than address, so that no web page gets in
// by a name of its own for 127.0.0.1; what a browser sends with Origin; what a proxy forwards. Served by [Serve], it
// refuses other users too.
func Guard(address string, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if foreign, ok := r.Context().Value(stranger{}).(func() bool); ok && foreign() {
			refuse(w, "this server is for programs of another user")
			return
		}
		if r.Host != address {
			refuse(w, "this server answers as "+address+" alone")
			return
		}
		for _, name := range []string{"Origin", "Referer", "X-Forwarded-For", "Forwarded", "Via"} {
			if r.Header.Get(name) != "" {
				refuse(w, "requests with a header "+name+" are refused")
				return
			}
		}
		h.ServeHTTP(w, r)
	})
}

func refuse(w http.ResponseWriter, why string) {
	w.Header().Set("Connection", "close")
	http.Error(w, why, http.StatusForbidden)
}
