package ipc

import (
	"sync"
	"sync/atomic"
	"time"
)

// watchdog ends the reads and writes of connections that take too long. One timer serves all connections, and is touched
// only when a deadline comes before all others: a deadline per read and write, as net.Conn has them, wakes the
// runtime's poller and doubles the time of a cached answer.
type watchdog struct {
	epoch time.Time
	next  atomic.Int64 // the instant at which the timer fires; 0 means not at all

	mu     sync.Mutex // guards the fields below
	conns  map[*conn]struct{}
	timer  *time.Timer
	closed bool
}

// newWatchdog returns a watchdog over no connection.
func newWatchdog() *watchdog {
	// Deadlines of the recent past are to be positive instants; net/http's "long ago" is to be negative.
	return &watchdog{epoch: time.Now().Add(-time.Hour), conns: make(map[*conn]struct{})}
}

// instant is t in nanoseconds since the watchdog's epoch, by the monotonic clock.
func (w *watchdog) instant(t time.Time) int64 { return int64(t.Sub(w.epoch)) }

func (w *watchdog) add(c *conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.conns[c] = struct{}{}
}

func (w *watchdog) remove(c *conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.conns, c)
}

// by makes sure that the timer fires at the instant at, or before. The deadline must be in its connection by then.
func (w *watchdog) by(at int64) {
	if next := w.next.Load(); next != 0 && next <= at {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.scheduleLocked(at)
}

func (w *watchdog) scheduleLocked(at int64) {
	if next := w.next.Load(); w.closed || next != 0 && next <= at {
		return
	}
	w.next.Store(at)
	d := time.Duration(at - w.instant(time.Now()))
	if w.timer == nil {
		w.timer = time.AfterFunc(d, w.fire)
	} else {
		w.timer.Reset(d)
	}
}

// fire ends what is due and sets the timer for what comes next.
func (w *watchdog) fire() {
	w.mu.Lock()
	defer w.mu.Unlock()
	// Before looking: a deadline set from here on that is not seen below schedules itself.
	w.next.Store(0)
	now := w.instant(time.Now())
	var soonest int64
	for c := range w.conns {
		for _, d := range [...]struct {
			at  *atomic.Int64
			end func(time.Time) error
		}{{&c.readBy, c.UnixConn.SetReadDeadline}, {&c.writeBy, c.UnixConn.SetWriteDeadline}} {
			switch at := d.at.Load(); {
			case at == 0:
			case at <= now:
				_ = d.end(longAgo())
				d.at.Store(0)
			case soonest == 0 || at < soonest:
				soonest = at
			}
		}
	}
	if soonest != 0 {
		w.scheduleLocked(soonest)
	}
}

func (w *watchdog) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	if w.timer != nil {
		w.timer.Stop()
	}
}

// longAgo is a deadline that ends what waits at once.
func longAgo() time.Time { return time.Unix(1, 0) }
