package ipc

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"oauthd/daemon/account"
	"oauthd/ipc/api"
)

// conn is a caller's connection. A write that the caller does not take in time fails.
type conn struct {
	net.Conn
	caller       account.Caller
	writeTimeout time.Duration
	// account is the one that c asked for last; see serving.asksFor.
	account string
	// head was read to recognise the protocol, and net/http reads it again.
	head []byte

	arrivals *arrivals
	arrival  arrival
	// madeWay is set once c's request had to make way for others; nothing more of it is read.
	madeWay atomic.Bool
	// large is set while something of c's request is counted.
	large atomic.Bool
	// received and phase describe the HTTP request that c is sending. They belong to the goroutine that reads.
	received int // bytes of it
	phase    phase

	watchdog *watchdog
	// readBy and writeBy are the deadlines that the watchdog enforces, as instants; 0 means none.
	readBy, writeBy atomic.Int64
	// ended is set while the poller's own read deadline has passed.
	ended atomic.Bool
}

// Read reads for net/http. It clears the buffer first, which lives as long as the connection and has the last request in
// it, so that no secret stays there while the connection waits for another request.
func (c *conn) Read(p []byte) (int, error) {
	clear(p)
	if len(c.head) > 0 {
		n := copy(p, c.head)
		c.head = c.head[n:]
		if len(c.head) == 0 {
			c.head = nil
		}
		return n, nil
	}
	n, err := c.Conn.Read(p)
	if c.arrive(n) {
		return n, err
	}
	if c.phase == inHeader {
		// net/http has no answer of ours for a header that does not come, and stays silent after a time-out.
		c.answer(true, errMadeWay())
	}
	return 0, os.ErrDeadlineExceeded
}

// Write writes for net/http.
func (c *conn) Write(p []byte) (int, error) { return c.writeAt(time.Now(), p) }

// writeAt writes p. The caller must take it within the time for a write, from now on.
func (c *conn) writeAt(now time.Time, p []byte) (int, error) {
	by := c.watchdog.instant(now.Add(c.writeTimeout))
	c.writeBy.Store(by)
	c.watchdog.by(by)
	n, err := c.Conn.Write(p)
	c.writeBy.Store(0)
	return n, err
}

// CloseWrite lets the caller read to the end, if the system can: net/http does so before it closes a connection
// that the caller still writes to. A pipe has one end for both.
func (c *conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// SetReadDeadline ends reads at t: at once if t is before this process began, which is how net/http ends a read, and
// otherwise through the watchdog.
func (c *conn) SetReadDeadline(t time.Time) error {
	by := int64(0)
	if !t.IsZero() {
		by = c.watchdog.instant(t)
	}
	if by < 0 {
		c.ended.Store(true)
		return c.Conn.SetReadDeadline(t)
	}
	c.readBy.Store(by)
	if by != 0 {
		c.watchdog.by(by)
	}
	if c.ended.CompareAndSwap(true, false) && !c.madeWay.Load() {
		return c.Conn.SetReadDeadline(time.Time{})
	}
	return nil
}

// refuse answers e in the protocol that the caller's first byte shows, or as line JSON if none comes within wait.
func (c *conn) refuse(wait time.Duration, e *api.Error) {
	web := false
	if wait > 0 {
		var first [lineBuffer]byte
		_ = c.Conn.SetReadDeadline(time.Now().Add(wait))
		n, _ := c.Conn.Read(first[:])
		web = n > 0 && first[0] != '{'
	}
	c.answer(web, e)
}

// answer writes e as the last thing on c, as HTTP or as line JSON.
func (c *conn) answer(web bool, e *api.Error) {
	body := append(marshalError(e), '\n')
	if web {
		status := e.Code.HTTPStatus()
		head := fmt.Sprintf("HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n",
			status, http.StatusText(status), len(body))
		body = append([]byte(head), body...)
	}
	_ = c.SetWriteDeadline(time.Now().Add(c.writeTimeout))
	_, _ = c.Conn.Write(body)
}
