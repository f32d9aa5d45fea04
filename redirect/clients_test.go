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
	s.Finish(canceled(), Page{})
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
