package redirect

import (
	"io"
	"net"
)

// helloListener is a listener for plain http whose connections recognise a client that speaks TLS.
type helloListener struct {
	net.Listener
	report func(net.Conn) // is called for each TLS hello
}

// Accept implements [net.Listener].
func (l helloListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &helloConn{Conn: conn, report: l.report}, nil
}

// helloConn ends a connection that starts with a TLS hello. The HTTP server would wait for the end of a line, which a
// hello need not have, and the browser would wait with it.
type helloConn struct {
	net.Conn
	report func(net.Conn)
	begun  bool // belongs to the goroutine that reads
}

// Read implements [net.Conn].
func (c *helloConn) Read(b []byte) (int, error) {
	const handshake = 22 // the content type of a TLS record (RFC 8446 §5.1); no HTTP request starts with it
	n, err := c.Conn.Read(b)
	if n == 0 || c.begun {
		return n, err
	}
	c.begun = true
	if b[0] != handshake {
		return n, err
	}
	c.report(c.Conn)
	// A fatal alert, protocol_version (RFC 8446 §6): the browser gives up at once and says why.
	_, _ = c.Conn.Write([]byte{21, 3, 1, 0, 2, 2, 70})
	return 0, io.EOF
}

// NetConn returns the connection below, as the one of a TLS connection does.
func (c *helloConn) NetConn() net.Conn { return c.Conn }

// CloseWrite lets the HTTP server end a connection without losing the answer to a request it did not read whole.
func (c *helloConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// noticeHello reports that a browser speaks TLS to an http redirect URI. Any local program can do that, so the login
// goes on; and it is reported only for a user who may log in here.
func (s *Server) noticeHello(conn net.Conn) {
	if s.peerAllowed(conn.RemoteAddr().String(), conn.LocalAddr()) {
		s.notify(NoticeTLS)
	}
}
