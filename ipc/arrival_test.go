package ipc

import (
	"io"
	"net"
	"os"
	"testing"
	"time"

	"oauthd/ipc/api"
)

// pair returns the two ends of a connection; ours has what the server gives it.
func pair(t *testing.T, a *arrivals) (ours *conn, theirs *net.UnixConn) {
	t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: t.TempDir() + "/s", Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	theirs = dial(t, l.Addr().String())
	uc, err := l.AcceptUnix()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = uc.Close() })
	return &conn{Conn: uc, arrivals: a, watchdog: newWatchdog(), writeTimeout: time.Second}, theirs
}

// holds checks what is left of the room, and how many requests are arriving.
func (a *arrivals) holds(t *testing.T, when string, room, arriving int) {
	t.Helper()
	if a.room != room || a.arriving.Len() != arriving {
		t.Errorf("%s: got %d bytes of room and %d arriving, want %d and %d", when, a.room, a.arriving.Len(), room, arriving)
	}
}

// The room may be filled to its last byte. One byte more, and who began first goes.
func TestArrivalsFillTheRoom(t *testing.T) {
	a := &arrivals{room: 100}
	first, _ := pair(t, a)
	second, _ := pair(t, a)
	if !a.take(first, 60) || !a.take(second, 40) {
		t.Error("a request made way while there was room")
	}
	a.holds(t, "full", 0, 2)
	if !a.take(second, 1) || !first.madeWay.Load() {
		t.Error("the second did not get the room of the first")
	}
	a.holds(t, "one has gone", 59, 1)
	if a.take(first, 1) {
		t.Error("a request that had to make way goes on")
	}
	a.holds(t, "it comes back", 59, 1)
	if a.take(second, 100) || !second.madeWay.Load() {
		t.Error("a request that alone is too large did not make way")
	}
	a.holds(t, "none is left", 100, 0)
}

// What a request that has arrived holds stays its own until it is answered, and what comes meanwhile is counted then.
func TestArrivedRequestKeepsItsRoom(t *testing.T) {
	a := &arrivals{room: 100}
	whole, _ := pair(t, a)
	late, _ := pair(t, a)
	a.take(whole, 80)
	if !a.arrived(whole) || !a.take(whole, 50) {
		t.Error("a request that has arrived had to make way")
	}
	a.holds(t, "arrived", 20, 0)
	if a.take(late, 30) || whole.madeWay.Load() {
		t.Error("one that arrives took the room of one that has arrived")
	}
	a.again(whole) // it turned out to hold the beginning of a further one
	a.holds(t, "again", 20, 1)
	if !a.take(whole, 10) {
		t.Error("a further request had to make way while there was room")
	}
	a.holds(t, "a further one", 10, 1)
	a.release(whole)
	a.release(whole)
	a.holds(t, "answered", 100, 0)
	a.take(whole, 30)
	a.holds(t, "the one after it", 70, 1)
}

// A connection's requests are counted one by one, whatever was large among them.
func TestRequestsOfAConnectionAreCountedApart(t *testing.T) {
	a := &arrivals{room: 1 << 20}
	c, _ := pair(t, a)
	for i, size := range []int{lineBuffer, lineBuffer + 10, lineBuffer, lineBuffer + 20} {
		if !c.arrive(size) {
			t.Fatalf("request %d had to make way", i)
		}
		extra := size - lineBuffer
		if c.large.Load() != (extra > 0) {
			t.Errorf("request %d: got counted %t, want %t", i, c.large.Load(), extra > 0)
		}
		if err := c.whole(); err != nil {
			t.Errorf("request %d: got %v, want it whole", i, err)
		}
		a.holds(t, "whole", 1<<20-extra*headerCost, 0)
		c.next()
		a.holds(t, "answered", 1<<20, 0)
	}
	if c.arrive(1<<20) || !c.madeWay.Load() {
		t.Error("a request of more than there is room for did not make way")
	}
	c.large.Store(true)
	if err := c.whole(); err == nil || api.AsError(err).Code != api.Busy || api.AsError(err).RetryAfter <= 0 {
		t.Errorf("got %v, want busy, and when to try again", err)
	}
}

// What was read to recognise the protocol is read again, and what comes after a request that had to make way is not.
func TestReadOfAConnection(t *testing.T) {
	a := &arrivals{room: 1 << 20}
	c, theirs := pair(t, a)
	c.head = []byte("GET")
	send(t, theirs, " /")
	buf := make([]byte, 2)
	var got string
	for len(got) < 5 {
		n, err := c.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		got += string(buf[:n])
	}
	if got != "GET /" {
		t.Errorf("got %q, want GET /", got)
	}

	for _, where := range []phase{inBody, inHeader} {
		c, theirs := pair(t, a)
		c.phase = where
		c.madeWay.Store(true)
		send(t, theirs, "x")
		if n, err := c.Read(buf); n != 0 || err != os.ErrDeadlineExceeded {
			t.Errorf("phase %d: got %d bytes, %v; want none, and the end", where, n, err)
		}
		_ = c.Close()
		// For a body, the handler answers; for a header, nobody else can.
		answer, err := io.ReadAll(theirs)
		if err != nil || (len(answer) > 0) != (where == inHeader) {
			t.Errorf("phase %d: got an answer of %d bytes, %v", where, len(answer), err)
		}
	}
}

// A connection that has ended holds nothing any more.
func TestLeave(t *testing.T) {
	sv := &serving{
		Server: New(Config{UID: os.Getuid()}), most: 2, own: map[*conn]struct{}{}, of: map[int]int{}, watchdog: newWatchdog(),
	}
	sv.arrivals.room = 100
	c, theirs := pair(t, &sv.arrivals)
	if e := sv.enter(c); e != nil {
		t.Fatalf("the first connection was turned away: %v", e)
	}
	sv.watchdog.add(c)
	sv.arrivals.take(c, 40)
	sv.leave(c)
	sv.arrivals.holds(t, "left", 100, 0)
	if sv.open != 0 || len(sv.own) != 0 || len(sv.of) != 0 || len(sv.watchdog.conns) != 0 {
		t.Errorf("got %d open, %d own, of %d programs, %d watched; want none", sv.open, len(sv.own), len(sv.of), len(sv.watchdog.conns))
	}
	ended(t, theirs)

	// One that net/http has taken over is still open, and no longer ours.
	c, _ = pair(t, &sv.arrivals)
	sv.enter(c)
	sv.disown(c)
	if sv.open != 1 || len(sv.own) != 0 {
		t.Errorf("got %d open, %d own; want one that is not ours", sv.open, len(sv.own))
	}
	sv.leave(c)
}
