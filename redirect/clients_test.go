package redirect

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// One connection too many closes the oldest, long before it would time out.
func TestTooManySilentConnectionsEvictTheOldest(t *testing.T) {
	s := start(t, Config{})
	oldest, err := net.Dial("tcp", s.authority)
	if err != nil {
		t.Fatal(err)
	}
	defer oldest.Close()
	for range maxStrangers {
		c, err := net.Dial("tcp", s.authority)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	begin := time.Now()
	_ = oldest.SetReadDeadline(begin.Add(headerTimeout / 2))
	if _, err := bufio.NewReader(oldest).ReadByte(); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %v, want the oldest connection closed", err)
	}
}

func TestClientsCloseTheirConnections(t *testing.T) {
	var c clients
	ours, theirs := net.Pipe()
	defer ours.Close()
	x := c.admit(theirs)
	if x == nil {
		t.Fatal("not admitted")
	}
	go func() { // as the HTTP server does once a connection has ended
		_, _ = io.Copy(io.Discard, x)
		c.track(x, http.StateClosed)
	}()
	c.close()
	if late, _ := net.Pipe(); c.admit(late) != nil {
		t.Error("a connection was admitted after close")
	}
}

// pipeTo admits a connection to c; gone reports whether the server's end has been closed.
func pipeTo(t *testing.T, c *clients) (x *client, gone func() bool) {
	t.Helper()
	ours, theirs := net.Pipe()
	t.Cleanup(func() { _ = ours.Close() })
	if x = c.admit(theirs); x == nil {
		t.Fatal("not admitted")
	}
	return x, func() bool {
		_ = theirs.SetReadDeadline(time.Now())
		_, err := theirs.Read(make([]byte, 1))
		return errors.Is(err, io.ErrClosedPipe)
	}
}

// Of too many connections the oldest go, but for those that have shown that they belong to the login: their answer may
// take a while. That a connection has sent its request is not enough.
func TestStrangersGoInOrder(t *testing.T) {
	var c clients
	var gone []func() bool
	for i := range maxStrangers + 4 {
		x, closed := pipeTo(t, &c)
		c.track(x, http.StateNew)
		c.track(x, http.StateActive)
		if gone = append(gone, closed); i == 0 || i == 2 {
			c.know(x)
		}
	}
	for i, closed := range gone {
		// All the others are strangers, two too many.
		if want := i == 1 || i == 3; closed() != want {
			t.Errorf("connection %d: got closed %t, want %t", i, !want, want)
		}
	}
}

// If all strangers together have sent too much, the one that has sent most goes, however new it is. What has gone, has
// ended or belongs to the login counts no more.
func TestStrangerThatSendsMostGoes(t *testing.T) {
	var c clients
	small, smallGone := pipeTo(t, &c)
	large, largeGone := pipeTo(t, &c)
	known, knownGone := pipeTo(t, &c)
	ended, _ := pipeTo(t, &c)
	c.count(small, 1000)
	c.count(known, maxUnread-1000)
	c.know(known)
	c.count(known, 2*maxUnread)
	c.count(ended, maxUnread-1000)
	c.track(ended, http.StateClosed)
	c.count(large, maxUnread-1000)
	if smallGone() || largeGone() || knownGone() {
		t.Fatal("a connection was closed while there was room")
	}
	c.count(small, 1)
	if smallGone() || !largeGone() || knownGone() || c.unread != 1001 {
		t.Errorf("got closed %t, %t, %t and %d bytes counted; want the large one closed, and the 1001 bytes of the small one",
			smallGone(), largeGone(), knownGone(), c.unread)
	}
	c.count(large, 10) // was on its way
	c.track(large, http.StateClosed)
	c.track(small, http.StateClosed)
	if c.unread != 0 || len(c.strangers) != 0 {
		t.Errorf("got %d bytes of %d strangers at the end, want none", c.unread, len(c.strangers))
	}
}

// A connection is a stranger's until a request of it has shown a secret of the login, and may not be closed from then on.
func TestWhoIsAStranger(t *testing.T) {
	valid := "/callback" + query("state", testState, "code", testCode)
	s := virtual(t)
	s.Finish(Page{})
	for _, tt := range []struct {
		name, target string
		change       func(*http.Request)
		want         bool
	}{
		{name: "the response", target: valid},
		{name: "the result page", target: s.resultPath},
		{name: "the page of a late response", target: s.latePath},
		{name: "wrong state", target: "/callback" + query("state", testState+"x", "code", testCode), want: true},
		{name: "no state", target: "/callback", want: true},
		{name: "wrong path", target: "/", want: true},
		{name: "icon", target: iconPath, want: true},
		{name: "response to another host", target: valid, change: host("evil.example.com:1234"), want: true},
		{name: "response of a web page", target: valid, change: func(r *http.Request) { r.Header = fetched("cross-site", "no-cors", "image") }, want: true},
		{name: "result page of another host", target: s.resultPath, change: host("evil.example.com:1234"), want: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			x, _ := pipeTo(t, &s.clients)
			r := httptest.NewRequestWithContext(remember(t.Context(), &helloConn{Conn: x}), http.MethodGet, tt.target, nil)
			r.Host = s.authority
			if tt.change != nil {
				tt.change(r)
			}
			s.handle(httptest.NewRecorder(), r)
			if got := slices.Contains(s.clients.strangers, x); got != tt.want {
				t.Errorf("got a stranger %t, want %t", got, tt.want)
			}
		})
	}
}

func TestConnectionThatComesTooLate(t *testing.T) {
	l := pipes{make(chan net.Conn, 1), make(chan struct{})}
	ours, theirs := net.Pipe()
	defer ours.Close()
	l.conns <- theirs
	var c clients
	c.close()
	if conn, err := (clientListener{l, &c}).Accept(); conn != nil || !errors.Is(err, net.ErrClosed) {
		t.Errorf("got a connection %t and %v, want net.ErrClosed", conn != nil, err)
	}
	if _, err := theirs.Read(make([]byte, 1)); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("got %v, want it closed", err)
	}
}

func TestCloseWaitsForAllConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c clients
		first, firstGone := pipeTo(t, &c)
		second, secondGone := pipeTo(t, &c)
		closed := make(chan struct{})
		go func() {
			defer close(closed)
			c.close()
		}()
		synctest.Wait()
		if !firstGone() || !secondGone() {
			t.Error("a connection is still open")
		}
		c.track(first, http.StateClosed)
		synctest.Wait()
		select {
		case <-closed:
			t.Error("close did not wait for the second connection")
		default:
		}
		c.track(second, http.StateClosed)
		<-closed
		if len(c.open) > 0 {
			t.Errorf("%d connections are remembered", len(c.open))
		}
	})
}
