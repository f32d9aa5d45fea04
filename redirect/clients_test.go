package redirect

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

func TestSilentConnectionsDelayNobody(t *testing.T) {
	s := start(t, Config{})
	for i := range 3 * maxSilent {
		c, err := net.Dial("tcp", s.authority)
		if err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
		defer c.Close()
		if i%2 == 0 {
			fmt.Fprintf(c, "GET /callback?state=")
		}
	}
	begin := time.Now()
	stillWaits(t, s)
	s.Finish(Page{})
	if took := time.Since(begin); took > 2*time.Second {
		t.Errorf("the login took %v beside silent connections", took)
	}
}

func TestTooManySilentConnectionsEvictTheOldest(t *testing.T) {
	s := start(t, Config{})
	oldest, err := net.Dial("tcp", s.authority)
	if err != nil {
		t.Fatal(err)
	}
	defer oldest.Close()
	for range maxSilent {
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
	if !c.admit(theirs) {
		t.Fatal("not admitted")
	}
	go func() { // as the HTTP server does once a connection has ended
		_, _ = io.Copy(io.Discard, theirs)
		c.track(theirs, http.StateClosed)
	}()
	c.close()
	if late, _ := net.Pipe(); c.admit(late) {
		t.Error("a connection was admitted after close")
	}
}

// pipeTo admits a connection to c; gone reports whether the server's end has been closed.
func pipeTo(t *testing.T, c *clients) (conn net.Conn, gone func() bool) {
	t.Helper()
	ours, theirs := net.Pipe()
	t.Cleanup(func() { _ = ours.Close() })
	if !c.admit(theirs) {
		t.Fatal("not admitted")
	}
	return theirs, func() bool {
		_ = theirs.SetReadDeadline(time.Now())
		_, err := theirs.Read(make([]byte, 1))
		return errors.Is(err, io.ErrClosedPipe)
	}
}

func TestSilentConnectionsGoInOrder(t *testing.T) {
	var c clients
	var gone []func() bool
	for i := range maxSilent + 4 {
		conn, closed := pipeTo(t, &c)
		if gone = append(gone, closed); i == 0 || i == 2 {
			c.track(conn, http.StateActive) // it has sent its request, and its answer may take a while
		}
	}
	for i, closed := range gone {
		// All the others are silent, two too many.
		if want := i == 1 || i == 3; closed() != want {
			t.Errorf("connection %d: got closed %t, want %t", i, !want, want)
		}
	}
}

func TestNewConnectionsAreSilent(t *testing.T) {
	var c clients
	first, gone := pipeTo(t, &c)
	c.track(first, http.StateNew)
	for range maxSilent {
		pipeTo(t, &c)
	}
	if !gone() {
		t.Error("a connection that is merely new keeps its place")
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
