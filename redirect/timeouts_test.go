package redirect

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// pipes is a listener in memory, so that a server's deadlines can run in virtual time.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (p pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p pipes) Addr() net.Addr { return &net.TCPAddr{} }
func (p pipes) Close() error   { close(p.closed); return nil }

// serveVirtual serves s in memory and returns what dials it.
func serveVirtual(s *Server) (dial func() net.Conn) {
	p := pipes{make(chan net.Conn), make(chan struct{})}
	s.accept(p)
	return func() net.Conn {
		ours, theirs := net.Pipe()
		p.conns <- theirs
		return ours
	}
}

func TestHalfARequestIsClosedInTime(t *testing.T) {
	for _, sent := range []string{"", "GET /callback?state=", "GET /callback HTTP/1.1\r\nHost: x\r\n"} {
		t.Run(fmt.Sprintf("%d bytes sent", len(sent)), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := virtual(t)
				c := serveVirtual(s)()
				begin := time.Now()
				_, _ = io.WriteString(c, sent)
				_, _ = io.Copy(io.Discard, c)
				if took := time.Since(begin); took > headerTimeout+time.Second {
					t.Errorf("closed after %v, want %v", took, headerTimeout)
				}
				_ = s.Close()
			})
		})
	}
}

func TestExchangeLongerThanTheHeaderTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := virtual(t)
		dial := serveVirtual(s)
		ask(s, "/callback"+query("state", testState, "code", testCode))
		ask(s, s.resultPath) // shows the page that asks again
		time.AfterFunc(resultWait-time.Second, func() { s.Finish(Page{Success: true}) })
		c := dial()
		fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", s.resultPath, s.authority)
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatalf("no answer: %v", err)
		}
		if page, _ := io.ReadAll(resp.Body); !strings.Contains(string(page), "You are logged in") {
			t.Errorf("got %d and %d bytes, want the page", resp.StatusCode, len(page))
		}
		_ = s.Close()
	})
}

func TestCloseDoesNotWaitForARequestThatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := virtual(t)
		c := serveVirtual(s)()
		// Its body never comes, so the server does not notice that the connection has gone.
		fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: %s\r\nContent-Length: 5\r\n\r\n", s.resultPath, s.authority)
		synctest.Wait()
		begin := time.Now()
		_ = s.Close()
		if took := time.Since(begin); took != 0 {
			t.Errorf("Close took %v", took)
		}
		if len(s.clients.open) > 0 {
			t.Error("the request is still being served")
		}
	})
}
