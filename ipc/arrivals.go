package ipc

import (
	"container/list"
	"net/http"
	"sync"

	"oauthd/ipc/api"
)

const (
	// maxArrivals bounds the memory that all requests together hold until they are answered, in bytes. A connection's
	// first lineBuffer bytes are not counted: a usual request fits in there, and no flood of large ones can keep it
	// out.
	maxArrivals = 16 << 20
	// headerCost and bodyCost are how many bytes of memory a byte of an HTTP header or body takes at worst: a header
	// line of four bytes becomes an entry of a map, and a body is read into a buffer that doubles.
	headerCost = 32
	bodyCost   = 2
)

// arrivals shares out the memory for requests that are arriving. If there is no room for more, the request that has
// been arriving for longest makes way. Whoever sends half a request and waits is therefore the first to go, and a
// request that comes at once comes through. One that has arrived does not make way any more.
type arrivals struct {
	mu       sync.Mutex // guards the fields below, and conn.arrival of all connections; see server.go for the order of locks
	room     int        // bytes that are left
	arriving list.List  // of *conn, the one that began first at the front
}

// arrival is what one connection holds.
type arrival struct {
	bytes int           // of memory that are counted
	place *list.Element // among those that are arriving; nil if it is not one of them
	whole bool          // the request has arrived
}

// take counts n more bytes for the request that c is sending. It returns false if that request had to make way.
func (a *arrivals) take(c *conn, n int) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case c.madeWay.Load():
		return false
	case c.arrival.whole:
		return true // what comes now belongs to the next request, and is counted then
	case c.arrival.place == nil:
		c.arrival.place = a.arriving.PushBack(c)
	}
	c.arrival.bytes += n
	a.room -= n
	for a.room < 0 { // c is one of them, and without it there was room
		a.endLocked(a.arriving.Front().Value.(*conn))
	}
	return !c.madeWay.Load()
}

// endLocked has c's request make way.
func (a *arrivals) endLocked(c *conn) {
	a.releaseLocked(c)
	c.madeWay.Store(true)
	_ = c.Conn.SetReadDeadline(longAgo())
}

// arrived keeps the request of c from having to make way. It returns false if it had to already.
func (a *arrivals) arrived(c *conn) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.unlistLocked(c)
	c.arrival.whole = true
	return !c.madeWay.Load()
}

// again has what c holds belong to a further request, which is arriving.
func (a *arrivals) again(c *conn) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if c.arrival.whole {
		c.arrival.whole = false
		c.arrival.place = a.arriving.PushBack(c)
	}
}

// release gives back what c's request has held.
func (a *arrivals) release(c *conn) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.releaseLocked(c)
}

func (a *arrivals) releaseLocked(c *conn) {
	a.unlistLocked(c)
	a.room += c.arrival.bytes
	c.arrival.bytes, c.arrival.whole = 0, false
}

func (a *arrivals) unlistLocked(c *conn) {
	if c.arrival.place != nil {
		a.arriving.Remove(c.arrival.place)
		c.arrival.place = nil
	}
}

// errMadeWay is what the caller of a request reads that had to make way.
func errMadeWay() *api.Error {
	return &api.Error{
		Code:    api.Busy,
		Message: "too many large requests are arriving at once, and this one has been arriving for longest",
		Hint:    "send the whole request at once, or try again", RetryAfter: 1,
	}
}

// phase is which part of an HTTP request a connection is sending.
type phase int

const (
	inHeader phase = iota
	inBody
)

// arrive counts n bytes that were read of an HTTP request. It returns false if that request had to make way.
func (c *conn) arrive(n int) bool {
	free := max(lineBuffer-c.received, 0)
	c.received += n
	if n <= free {
		return !c.madeWay.Load()
	}
	c.large.Store(true)
	cost := headerCost
	if c.phase == inBody {
		cost = bodyCost
	}
	return c.arrivals.take(c, (n-free)*cost)
}

// next prepares c for the next HTTP request.
func (c *conn) next() {
	if c.large.Swap(false) {
		c.arrivals.release(c)
	}
	c.received, c.phase = 0, inHeader
}

// whole keeps the request of c, which has arrived, from having to make way. It is an error if it had to already.
func (c *conn) whole() error {
	if c.large.Load() && !c.arrivals.arrived(c) {
		return errMadeWay()
	}
	return nil
}

type connKey struct{}

// connOf returns the connection of a request; nil for one that came another way than through ours.
func connOf(r *http.Request) *conn {
	c, _ := r.Context().Value(connKey{}).(*conn)
	return c
}
