package redirect

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

func TestTLSToPlainHTTP(t *testing.T) {
	s, noticed := startNoticing(t, Config{})
	begin := time.Now()
	for range 2 {
		_, err := tls.Dial("tcp", s.authority, &tls.Config{InsecureSkipVerify: true})
		if want := "remote error: tls: protocol version not supported"; err == nil || err.Error() != want {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	if took := time.Since(begin); took > headerTimeout/2 {
		t.Errorf("the client waited %v for its refusal", took)
	}
	stillWaits(t, s) // any program could have done that
	noticed(NoticeTLS)
}

// A hello need not hold the end of a line, for which the HTTP server would wait.
func TestHelloEndsItsConnectionAtOnce(t *testing.T) {
	for _, hello := range []string{"\x16", "\x16\x03\x01\x02\x00\x01"} {
		synctest.Test(t, func(t *testing.T) {
			s := virtual(t)
			c := serveVirtual(s)()
			begin := time.Now()
			go func() { _, _ = io.WriteString(c, hello) }()
			answer, _ := io.ReadAll(c)
			if took := time.Since(begin); took != 0 {
				t.Errorf("%x: the connection was open for %v", hello, took)
			}
			if string(answer) != "\x15\x03\x01\x00\x02\x02\x46" {
				t.Errorf("%x: got % x, want a fatal alert", hello, answer)
			}
			_ = s.Close()
		})
	}
}

func TestHelloIsOnlyAtTheBegin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := virtual(t)
		s.cfg.ResponseMode = modeFormPost
		c := serveVirtual(s)() // each write is a read of the server's
		body := "\x16\x03=x&" + goodForm()
		fmt.Fprintf(c, "POST /callback HTTP/1.1\r\nHost: %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n",
			s.authority, formType, len(body))
		fmt.Fprint(c, body)
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil || resp.StatusCode != http.StatusSeeOther {
			t.Errorf("got %v, want 303", err)
		}
		_ = s.Close()
	})
}

func TestTLSToHTTPSIsNoNews(t *testing.T) {
	s, noticed := startNoticing(t, Config{HTTPS: true})
	resp, err := trusting(t, s).RoundTrip(request(t, http.MethodGet, good(s)))
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	wantCode(t, s)
	noticed()
}

// halves is a connection that can be half closed.
type halves struct {
	net.Conn
	err error
}

func (h halves) CloseWrite() error { return h.err }

func TestHelloConnCanBeHalfClosed(t *testing.T) {
	if err := (&helloConn{Conn: halves{err: io.ErrNoProgress}}).CloseWrite(); err != io.ErrNoProgress {
		t.Errorf("got %v, want what the connection said", err)
	}
}

func TestHelloConnHasNoEndOfItsOwn(t *testing.T) {
	ours, theirs := net.Pipe()
	defer ours.Close()
	c := &helloConn{Conn: theirs, report: func(net.Conn) { t.Error("nothing was read, but a hello is reported") }}
	if err := c.CloseWrite(); err != nil {
		t.Errorf("got %v from a connection that cannot be half closed", err)
	}
	_ = theirs.Close()
	if n, err := c.Read([]byte{22}); n != 0 || !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("got %d and %v, want the error of the connection", n, err)
	}
}
