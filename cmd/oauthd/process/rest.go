package process

import (
	"context"
	"math"
	"net/http"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"time"
)

const (
	// RestAfter is for how long, or up to twice as long, nothing must have happened before a daemon rests.
	RestAfter = 15 * time.Second
	// restRoom is how much a resting daemon may allocate, in bytes, before garbage is collected all the same.
	restRoom = 16 << 20
)

// Rest makes a daemon that has nothing to do cost as good as nothing. Go collects garbage every two minutes, even where
// there is none, and keeps memory at hand; but a daemon is idle for most of its life. One that rests has given back
// what it can do without, and nothing in it wakes up. There is one rest in a process, because the collector is one; a
// nil rest never comes.
type Rest struct {
	busy  atomic.Bool // something has happened since the last look
	woken chan struct{}
}

// NewRest returns one that has not begun.
func NewRest() *Rest { return &Rest{woken: make(chan struct{}, 1)} }

// Disturb says that something happens. It is safe for concurrent use, and cheap while the daemon does not rest.
func (r *Rest) Disturb() {
	if r == nil || r.busy.Load() || !r.busy.CompareAndSwap(false, true) {
		return
	}
	select {
	case r.woken <- struct{}{}:
	default:
	}
}

// Run lets the process rest whenever nothing has disturbed it for a while, until ctx ends. First it calls idle, unless that is nil.
func (r *Rest) Run(ctx context.Context, idle func()) {
	for r != nil && r.quiet(ctx) {
		if idle != nil {
			idle()
		}
		wake := lieDown()
		select {
		case <-r.woken:
		case <-ctx.Done():
		}
		wake()
	}
}

// quiet waits until nothing has happened for RestAfter. It returns false when ctx has ended.
func (r *Rest) quiet(ctx context.Context) bool {
	ticker := time.NewTicker(RestAfter)
	defer ticker.Stop()
	for busy := true; busy; busy = r.busy.Swap(false) {
		select {
		case <-r.woken: // which busy reports, too
		default:
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// lieDown gives memory back and stops the collector; wake starts it again.
func lieDown() (wake func()) {
	Wipe()
	dropFilePages()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	before := debug.SetMemoryLimit(math.MaxInt64)
	debug.SetMemoryLimit(min(before, int64(m.Sys-m.HeapReleased)+restRoom))
	percent := debug.SetGCPercent(-1)
	return func() {
		debug.SetGCPercent(percent)
		debug.SetMemoryLimit(before)
	}
}

// Handler returns a handler that disturbs r with each request.
func (r *Rest) Handler(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.Disturb()
		h.ServeHTTP(w, req)
	})
}

// Transport returns a transport that disturbs r with each request.
func (r *Rest) Transport(base http.RoundTripper) http.RoundTripper {
	return disturbing{base, r.Disturb}
}

// disturbing is a transport that reports its requests.
type disturbing struct {
	http.RoundTripper
	disturb func()
}

// RoundTrip implements [http.RoundTripper].
func (d disturbing) RoundTrip(r *http.Request) (*http.Response, error) {
	d.disturb()
	return d.RoundTripper.RoundTrip(r)
}
