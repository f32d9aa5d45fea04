package ipc

import (
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"oauthd/daemon/account"
	"oauthd/ipc/api"
)

// conn is one connection of a caller. A write that the caller does not take in time fails.
type conn struct {
	*net.UnixConn
	caller       account.Caller
	writeTimeout time.Duration
	// head was read to tell the protocol and is read again by net/http.
	head []byte

	watchdog *watchdog
	// readBy and writeBy are the deadlines that the watchdog enforces, as instants; 0 means none.
	readBy, writeBy atomic.Int64
	// ended is set while the poller's own read deadline has passed.
	ended atomic.Bool
}

func (c *conn) Read(p []byte) (int, error) {
	if len(c.head) > 0 {
		n := copy(p, c.head)
		c.head = c.head[n:]
		if len(c.head) == 0 {
			c.head = nil
		}
		return n, nil
	}
	return c.UnixConn.Read(p)
}

func (c *conn) Write(p []byte) (int, error) {
	by := c.watchdog.instant(time.Now().Add(c.writeTimeout))
	c.writeBy.Store(by)
	c.watchdog.by(by)
	n, err := c.UnixConn.Write(p)
	c.writeBy.Store(0)
	return n, err
}

// SetReadDeadline ends reads at t: at once for a t before this process began, which is how net/http ends a read;
// through the watchdog for any other.
func (c *conn) SetReadDeadline(t time.Time) error {
	by := int64(0)
	if !t.IsZero() {
		by = c.watchdog.instant(t)
	}
	if by < 0 {
		c.ended.Store(true)
		return c.UnixConn.SetReadDeadline(t)
	}
	c.readBy.Store(by)
	if by != 0 {
		c.watchdog.by(by)
	}
	if c.ended.CompareAndSwap(true, false) {
		return c.UnixConn.SetReadDeadline(time.Time{})
	}
	return nil
}

// refuse answers e in the protocol of the caller's first byte, or as line JSON where none comes within wait.
func (c *conn) refuse(wait time.Duration, e *api.Error) {
	body := append(marshalError(e), '\n')
	if wait > 0 {
		var first [lineBuffer]byte
		_ = c.UnixConn.SetReadDeadline(time.Now().Add(wait))
		if n, _ := c.UnixConn.Read(first[:]); n > 0 && first[0] != '{' {
			status := e.Code.HTTPStatus()
			head := fmt.Sprintf("HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n",
				status, http.StatusText(status), len(body))
			body = append([]byte(head), body...)
		}
	}
	_ = c.SetWriteDeadline(time.Now().Add(c.writeTimeout))
	_, _ = c.UnixConn.Write(body)
}
