package redirect

import (
	"crypto/tls"
	"errors"
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
	synctest.Test(t, func(t *testing.T) {
		s := virtual(t)
		c := serveVirtual(s)()
		begin := time.Now()
		go func() { _, _ = c.Write([]byte{22, 3, 1, 2, 0, 1}) }()
		answer, _ := io.ReadAll(c)
		if took := time.Since(begin); took != 0 {
			t.Errorf("the connection was open for %v", took)
		}
		if string(answer) != "\x15\x03\x01\x00\x02\x02\x46" {
			t.Errorf("got % x, want a fatal alert", answer)
		}
		_ = s.Close()
	})
}

func TestHelloAfterTheBeginIsNone(t *testing.T) {
	s, noticed := startNoticing(t, Config{ResponseMode: "form_post"})
	c, err := net.Dial("tcp", s.authority)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	begin, rest := "P", "OST /other HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n\x16"
	for _, part := range []string{begin, rest[:20], rest[20 : len(rest)-1], rest[len(rest)-1:]} {
		if _, err := io.WriteString(c, part); err != nil {
			t.Fatal(err)
		}
	}
	_ = c.SetReadDeadline(time.Now().Add(headerTimeout))
	if answer, err := io.ReadAll(c); err != nil || string(answer[:12]) != "HTTP/1.1 404" {
		t.Errorf("got %d bytes and %v, want 404", len(answer), err)
	}
	stillWaitsForForm(t, s)
	noticed()
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

func TestHelloConnHasNoEndOfItsOwn(t *testing.T) {
	ours, theirs := net.Pipe()
	defer ours.Close()
	c := &helloConn{Conn: theirs}
	if err := c.CloseWrite(); err != nil {
		t.Errorf("got %v from a connection that cannot be half closed", err)
	}
	_ = theirs.Close()
	if n, err := c.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("got %d and %v, want the error of the connection", n, err)
	}
}
