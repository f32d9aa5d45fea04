package ipc

import (
	"fmt"
	"net"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// clocked is a connection that notes when a read or write of it is ended.
type clocked struct {
	net.Conn
	began time.Time
	ended []string
}

func (c *clocked) SetReadDeadline(at time.Time) error  { return c.note("read", at) }
func (c *clocked) SetWriteDeadline(at time.Time) error { return c.note("write", at) }

func (c *clocked) note(what string, at time.Time) error {
	if !at.Equal(longAgo()) {
		what += " not at once"
	}
	c.ended = append(c.ended, fmt.Sprintf("%s at %v", what, time.Since(c.began)))
	return nil
}

// watchedConn returns a connection that w watches.
func watchedConn(w *watchdog) (*conn, *clocked) {
	inner := &clocked{began: time.Now()}
	c := &conn{Conn: inner, watchdog: w}
	w.add(c)
	return c, inner
}

// in sets a deadline of c that long from now.
func (c *conn) in(read bool, d time.Duration) {
	by := c.watchdog.instant(time.Now().Add(d))
	if read {
		c.readBy.Store(by)
	} else {
		c.writeBy.Store(by)
	}
	c.watchdog.by(by)
}

func TestWatchdogEndsWhatIsDue(t *testing.T) {
	for _, test := range []struct {
		name string
		do   func(w *watchdog, a, b *conn)
		a, b []string
	}{
		{"a read", func(_ *watchdog, a, _ *conn) { a.in(true, 5*time.Second) }, []string{"read at 5s"}, nil},
		{"a write", func(_ *watchdog, a, _ *conn) { a.in(false, 5*time.Second) }, []string{"write at 5s"}, nil},
		{"the later one is set first", func(_ *watchdog, a, b *conn) { a.in(true, 10*time.Second); b.in(true, 3*time.Second) },
			[]string{"read at 10s"}, []string{"read at 3s"}},
		{"the earlier one is set first", func(_ *watchdog, a, b *conn) { a.in(true, 3*time.Second); b.in(true, 10*time.Second) },
			[]string{"read at 3s"}, []string{"read at 10s"}},
		{"both of one connection", func(_ *watchdog, a, _ *conn) { a.in(false, 7*time.Second); a.in(true, 2*time.Second) },
			[]string{"read at 2s", "write at 7s"}, nil},
		{"the same instant", func(_ *watchdog, a, b *conn) { a.in(true, 4*time.Second); b.in(false, 4*time.Second) },
			[]string{"read at 4s"}, []string{"write at 4s"}},
		{"four in turn", func(_ *watchdog, a, b *conn) {
			b.in(true, 6*time.Second)
			a.in(true, 2*time.Second)
			b.in(false, 8*time.Second)
			a.in(false, 4*time.Second)
		}, []string{"read at 2s", "write at 4s"}, []string{"read at 6s", "write at 8s"}},
		{"one that is over already", func(_ *watchdog, a, _ *conn) { a.in(true, -time.Second) }, []string{"read at 0s"}, nil},
		{"one that was taken back", func(_ *watchdog, a, b *conn) {
			a.in(true, 2*time.Second)
			b.in(true, 3*time.Second)
			a.readBy.Store(0)
		}, nil, []string{"read at 3s"}},
		{"one that was put off", func(_ *watchdog, a, _ *conn) { a.in(true, 2*time.Second); a.in(true, 9*time.Second) }, []string{"read at 9s"}, nil},
		{"one that was brought forward", func(_ *watchdog, a, _ *conn) { a.in(true, 9*time.Second); a.in(true, 2*time.Second) }, []string{"read at 2s"}, nil},
		{"a connection that has gone", func(w *watchdog, a, b *conn) {
			a.in(true, 2*time.Second)
			b.in(true, 3*time.Second)
			w.remove(a)
		}, nil, []string{"read at 3s"}},
		{"one after the timer has fired", func(_ *watchdog, a, b *conn) {
			a.in(true, time.Second)
			time.Sleep(2 * time.Second)
			b.in(true, time.Second)
		}, []string{"read at 1s"}, []string{"read at 3s"}},
		{"one in the middle of a long wait", func(_ *watchdog, a, b *conn) {
			a.in(true, time.Minute)
			time.Sleep(30 * time.Second)
			b.in(true, time.Second)
		}, []string{"read at 1m0s"}, []string{"read at 31s"}},
		{"a watchdog that is closed", func(w *watchdog, a, b *conn) {
			a.in(true, 2*time.Second)
			w.close()
			b.in(true, 3*time.Second)
		}, nil, nil},
		{"one that is closed before anything", func(w *watchdog, a, _ *conn) { w.close(); a.in(true, time.Second) }, nil, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWatchdog()
				defer w.close()
				a, ofA := watchedConn(w)
				b, ofB := watchedConn(w)
				test.do(w, a, b)
				time.Sleep(time.Hour)
				synctest.Wait()
				if !slices.Equal(ofA.ended, test.a) || !slices.Equal(ofB.ended, test.b) {
					t.Errorf("got %q and %q, want %q and %q", ofA.ended, ofB.ended, test.a, test.b)
				}
				if next := w.next.Load(); next != 0 && !w.closed {
					t.Errorf("the timer is set for %d although nothing is due", next)
				}
			})
		})
	}
}

// However many there are, each is ended when it is due, by the one timer.
func TestWatchdogOfManyConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatchdog()
		defer w.close()
		var all []*clocked
		for i := range 20 {
			c, inner := watchedConn(w)
			all = append(all, inner)
			c.in(i%2 == 0, time.Duration(i*7%20+1)*time.Second)
			if i == 0 {
				first := w.timer
				defer func() {
					if w.timer != first {
						t.Error("another timer was made")
					}
				}()
			}
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		for i, c := range all {
			what := "write"
			if i%2 == 0 {
				what = "read"
			}
			if want := fmt.Sprintf("%s at %ds", what, i*7%20+1); len(c.ended) != 1 || c.ended[0] != want {
				t.Errorf("connection %d: got %q, want %q", i, c.ended, want)
			}
		}
	})
}

// A deadline that is not before the one that the timer is set for costs no lock.
func TestWatchdogLeavesTheTimerAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatchdog()
		defer w.close()
		a, _ := watchedConn(w)
		a.in(true, time.Second)
		set := w.next.Load()
		w.mu.Lock()
		w.by(set)
		w.by(set + 1)
		w.mu.Unlock()
		if w.next.Load() != set {
			t.Errorf("the timer was set from %d to %d", set, w.next.Load())
		}
		a.readBy.Store(0)
	})
}

// An instant of the recent past is positive, so that it is not taken for net/http's "at once".
func TestWatchdogInstants(t *testing.T) {
	w := newWatchdog()
	now := time.Now()
	for _, test := range []struct {
		at       time.Time
		positive bool
	}{{now, true}, {now.Add(-time.Minute), true}, {now.Add(time.Hour), true}, {longAgo(), false}} {
		if got := w.instant(test.at); (got > 0) != test.positive {
			t.Errorf("%v: got %d, want positive %t", test.at, got, test.positive)
		}
	}
	if d := w.instant(now.Add(time.Second)) - w.instant(now); d != int64(time.Second) {
		t.Errorf("a second is %d", d)
	}
}
