package redirect

import (
	"net"
	"net/http"
	"slices"
	"sync"
)

// maxSilent is how many connections may be open that have not sent a whole request yet. Browsers open two or three in
// advance.
const maxSilent = 16

// clients are the open connections of a server. The zero value is ready.
//
// Connections do not queue for a place, because silent ones could hold every place and keep the browser out. If too
// many are silent, the one that has been silent longest is closed.
type clients struct {
	serving sync.WaitGroup // counts open

	mu     sync.Mutex // guards the fields below
	closed bool
	open   map[net.Conn]struct{}
	silent []net.Conn // oldest first
}

// admit takes conn in, or reports false if the server is closed.
func (c *clients) admit(conn net.Conn) bool {
	evicted, ok := c.add(conn)
	if evicted != nil {
		_ = evicted.Close()
	}
	return ok
}

func (c *clients) add(conn net.Conn) (evicted net.Conn, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, false
	}
	if c.open == nil {
		c.open = make(map[net.Conn]struct{})
	}
	c.open[conn] = struct{}{}
	c.serving.Add(1)
	if len(c.silent) == maxSilent {
		evicted = c.silent[0]
		c.silent = slices.Delete(c.silent, 0, 1)
	}
	c.silent = append(c.silent, conn)
	return evicted, true
}

// track is the server's ConnState hook.
func (c *clients) track(conn net.Conn, state http.ConnState) {
	if state == http.StateNew {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if i := slices.Index(c.silent, conn); i >= 0 {
		c.silent = slices.Delete(c.silent, i, i+1)
	}
	if state == http.StateClosed {
		delete(c.open, conn)
		c.serving.Done()
	}
}

// close ends all connections, refuses new ones, and returns once none is being served.
func (c *clients) close() {
	c.mu.Lock()
	c.closed = true
	open := make([]net.Conn, 0, len(c.open))
	for conn := range c.open {
		open = append(open, conn)
	}
	c.mu.Unlock()
	for _, conn := range open {
		_ = conn.Close()
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
	if !l.clients.admit(conn) {
		_ = conn.Close()
		return nil, net.ErrClosed
	}
	return conn, nil
}
