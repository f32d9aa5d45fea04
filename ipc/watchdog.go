package ipc

import (
	"sync"
	"sync/atomic"
	"time"
)

// watchdog ends reads and writes that take too long. One timer serves all connections, and is set anew only if a
// deadline comes before all others: net.Conn's own deadlines, one for each read and write, would wake the runtime's
// poller and double the time of a cached answer.
type watchdog struct {
	epoch time.Time
	next  atomic.Int64 // the instant at which the timer fires; 0 if it is not set

	mu     sync.Mutex // guards the fields below
	conns  map[*conn]struct{}
	timer  *time.Timer
	closed bool
}

// newWatchdog returns a watchdog over no connection.
func newWatchdog() *watchdog {
	// So a deadline of the recent past is a positive instant, and net/http's "long ago" a negative one.
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

// by makes sure that the timer fires no later than at. The connection must hold its deadline already.
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

// fire ends what is due, and sets the timer for what comes next.
func (w *watchdog) fire() {
	w.mu.Lock()
	defer w.mu.Unlock()
	// This comes before the look at the deadlines: one that is set from here on, and not seen below, sets the timer
	// itself.
	w.next.Store(0)
	now := w.instant(time.Now())
	var soonest int64
	for c := range w.conns {
		for _, d := range [...]struct {
			at  *atomic.Int64
			end func(time.Time) error
		}{{&c.readBy, c.Conn.SetReadDeadline}, {&c.writeBy, c.Conn.SetWriteDeadline}} {
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

// longAgo is a deadline that ends a waiting read or write at once.
func longAgo() time.Time { return time.Unix(1, 0) }
