package redirect

import (
	"context"
	"net"
	"net/http"
	"runtime"
	"slices"
	"sync"
)

const (
	// maxStrangers is how many connections may be open that have not shown that they belong to the login. Browsers open
	// two or three in advance. The server must have read a request before as many others have come after it, and a
	// program can open 20,000 a second.
	maxStrangers = 256
	// maxUnread is how many bytes these may have sent, all together. As a header, a byte takes about 20 of memory.
	maxUnread = 1 << 20
)

// clients are the open connections of a server. The zero value is ready.
//
// Connections do not queue for a place, because silent ones could hold every place and keep the browser out. If there
// are too many, the one that has been open longest is closed; if all together have sent too much, the one that has sent
// most. A connection whose request has a secret of the login, the state or the address of a page, is no stranger any
// more, and stays.
type clients struct {
	serving sync.WaitGroup // counts open

	mu        sync.Mutex // guards the fields below, and sent of all clients
	closed    bool
	open      map[*client]struct{}
	strangers []*client // oldest first
	unread    int       // bytes that strangers have sent
}

// client is one connection, as it was accepted.
type client struct {
	net.Conn
	all  *clients
	sent int // bytes that it has sent
}

// admit takes conn in; nil if the server is closed.
func (c *clients) admit(conn net.Conn) *client {
	admitted := &client{Conn: conn, all: c}
	evicted, ok := c.add(admitted)
	if evicted != nil {
		_ = evicted.Close()
		runtime.Gosched() // so that a flood does not have this goroutine outrun those that read
	}
	if !ok {
		return nil
	}
	return admitted
}

func (c *clients) add(admitted *client) (evicted *client, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, false
	}
	if c.open == nil {
		c.open = make(map[*client]struct{})
	}
	c.open[admitted] = struct{}{}
	c.serving.Add(1)
	if len(c.strangers) == maxStrangers {
		evicted = c.strangers[0]
		c.forgetLocked(evicted)
	}
	c.strangers = append(c.strangers, admitted)
	return evicted, true
}

// forgetLocked has x be no stranger any more.
func (c *clients) forgetLocked(x *client) {
	if i := slices.Index(c.strangers, x); i >= 0 {
		c.strangers = slices.Delete(c.strangers, i, i+1)
		c.unread -= x.sent
	}
}

// know keeps x open: it belongs to the login.
func (c *clients) know(x *client) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forgetLocked(x)
}

// count counts n more bytes that x has sent.
func (c *clients) count(x *client, n int) {
	if evicted := c.countedBy(x, n); evicted != nil {
		_ = evicted.Close()
	}
}

// countedBy counts n more bytes of x, and returns the stranger that has to go because of them; nil for none.
func (c *clients) countedBy(x *client, n int) (evicted *client) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !slices.Contains(c.strangers, x) {
		return nil
	}
	x.sent += n
	if c.unread += n; c.unread <= maxUnread {
		return nil
	}
	most := slices.MaxFunc(c.strangers, func(a, b *client) int { return a.sent - b.sent })
	c.forgetLocked(most)
	return most
}

// Read implements [net.Conn].
func (x *client) Read(b []byte) (int, error) {
	n, err := x.Conn.Read(b)
	x.all.count(x, n)
	return n, err
}

// CloseWrite lets the HTTP server end a connection without losing the answer to a request it did not read whole.
func (x *client) CloseWrite() error {
	if half, ok := x.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// clientOf returns the client below conn, which is what the HTTP server has.
func clientOf(conn net.Conn) *client {
	if above, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn = above.NetConn()
	}
	x, _ := conn.(*client)
	return x
}

type clientKey struct{}

// remember is the server's ConnContext hook, for [stays].
func remember(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, clientKey{}, clientOf(conn))
}

// stays keeps the connection of r open, because r has a secret of the login.
func stays(r *http.Request) {
	if x, _ := r.Context().Value(clientKey{}).(*client); x != nil {
		x.all.know(x)
	}
}

// track is the server's ConnState hook.
func (c *clients) track(conn net.Conn, state http.ConnState) {
	if x := clientOf(conn); x != nil && state == http.StateClosed {
		c.leave(x)
	}
}

func (c *clients) leave(x *client) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forgetLocked(x)
	delete(c.open, x)
	c.serving.Done()
}

// close ends all connections, refuses new ones, and returns once none is being served.
func (c *clients) close() {
	c.mu.Lock()
	c.closed = true
	open := make([]*client, 0, len(c.open))
	for x := range c.open {
		open = append(open, x)
	}
	c.mu.Unlock()
	for _, x := range open {
		_ = x.Close()
	}
	c.serving.Wait()
}

// clientListener admits each connection to clients.
type clientListener struct {
	net.Listener
	clients *clients
}

// Accept implements [net.Listener].
func (l clientListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	x := l.clients.admit(conn)
	if x == nil {
		_ = conn.Close()
		return nil, net.ErrClosed
	}
	return x, nil
}
