package token

import (
	"context"
	"errors"
	"time"
)

const (
	// maxSleep bounds how late a jump of the wall clock, as after a suspend, is noticed if nobody calls Wake. Each
	// look wakes the whole process up, so that it is long.
	maxSleep = 10 * time.Minute
	// idleAfter is how long after the last request a token is no longer refreshed ahead of expiry.
	idleAfter = 24 * time.Hour
	// maxProactive bounds the refreshes ahead of expiry under way, for when many are due at once.
	maxProactive = 8
	// minLifetime is the least lifetime for which refreshing by the clock makes sense; what lives shorter is renewed at use.
	minLifetime = 5 * time.Second
	// minInterval is the least pause between a token's arrival and its refresh ahead of expiry.
	minInterval = time.Second
	// grace is how long flights may go on after shutdown.
	grace = 5 * time.Second
)

// Run refreshes tokens ahead of expiry until ctx ends. Then Token answers [ErrClosed], flights that have begun get 5 s
// before they are cancelled, and Run returns nil when all have ended. A Cache runs once; a second call is an error.
func (c *Cache) Run(ctx context.Context) error {
	c.mu.Lock()
	if c.running || c.closed {
		c.mu.Unlock()
		return errors.New("token: Run called a second time")
	}
	c.running = true
	c.mu.Unlock()

	timer := time.NewTimer(maxSleep)
	defer timer.Stop()
	for ctx.Err() == nil {
		var tick <-chan time.Time
		if sleep, ok := c.startDue(ctx); ok {
			timer.Reset(sleep)
			tick = timer.C
		} else {
			timer.Stop()
		}
		select {
		case <-tick:
		case <-c.wake:
		case <-ctx.Done():
		}
	}
	c.shutdown()
	return nil
}

func (c *Cache) shutdown() {
	c.mu.Lock()
	c.running, c.closed = false, true
	c.mu.Unlock()
	c.ended.Store(true)
	close(c.closing)
	defer time.AfterFunc(grace, c.harden).Stop()
	c.flights.Wait()
	c.harden()
}

// wakeLoop makes the loop look at the queue again.
func (c *Cache) wakeLoop() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// startDue starts what is due and returns how long the loop may sleep; ok is false when it may sleep until it is woken.
func (c *Cache) startDue(ctx context.Context) (sleep time.Duration, ok bool) {
	now := c.now()
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.queue) > 0 {
		e := c.queue[0]
		if wait := e.due.Sub(now); wait > 0 {
			return min(wait, maxSleep), true
		}
		idle := now.Sub(e.asked.time()) >= idleAfter
		switch {
		case e.slot.flights > 0:
			// The flight's end puts it back: one account must not take all places with keys that wait in line.
			c.queue.remove(e)
		case idle && !e.refreshAt.IsZero():
			e.refreshAt, e.idle = time.Time{}, true
			e.publishLocked()
			c.enqueueLocked(e)
		case e.refreshAt.IsZero():
			if e.removableAt().After(now) {
				c.enqueueLocked(e)
				continue
			}
			c.removeLocked(e)
			c.sweepLocked(e.key.lane(), e.slot)
		case c.proactive >= maxProactive:
			return 0, false
		default:
			c.queue.remove(e)
			c.startLocked(ctx, e, true)
		}
	}
	return 0, false
}

// planLocked settles when e's token is refreshed ahead of expiry.
func (c *Cache) planLocked(e *entry, now time.Time) {
	e.idle = now.Sub(e.asked.time()) >= idleAfter
	e.refreshAt = time.Time{}
	if e.token.refreshable() && !e.idle {
		e.refreshAt = later(e.token.refreshTime(e.jitter), now.Add(minInterval))
	}
	e.publishLocked()
	c.enqueueLocked(e)
}

// planRetryLocked settles when e's token is refreshed after a failure: with the back-off, and after a definite failure
// not at all.
func (c *Cache) planRetryLocked(e *entry) {
	e.idle = false
	e.refreshAt = time.Time{}
	if e.token.refreshable() {
		e.refreshAt = e.retryAt
	}
	e.publishLocked()
	c.enqueueLocked(e)
}

// enqueueLocked puts e where it belongs in the queue. A token without end stays out: it is neither refreshed nor removed.
func (c *Cache) enqueueLocked(e *entry) {
	switch {
	case !e.refreshAt.IsZero():
		e.due = e.refreshAt
	case e.token.ok && e.token.Expiry.IsZero():
		c.queue.remove(e)
		return
	default:
		e.due = e.removableAt()
	}
	c.queue.put(e)
}

// removableAt returns when an entry that nobody asks for is forgotten.
func (e *entry) removableAt() time.Time { return later(e.asked.time().Add(idleAfter), e.token.Expiry) }

// refreshable reports whether the token is one to refresh ahead of expiry.
func (h held) refreshable() bool {
	return h.ok && !h.Expiry.IsZero() && !h.RefreshLate && h.lifetime >= minLifetime
}

// refreshTime returns when to refresh: ahead of expiry by the smaller of 5 min and 40 % of the lifetime, and by up to
// 5 % of it, at most 60 s, more. That is before the default minimum time to live makes a caller wait.
func (h held) refreshTime(jitter float64) time.Time {
	lead := min(5*time.Minute, h.lifetime*2/5)
	spread := min(60*time.Second, h.lifetime/20)
	return h.Expiry.Add(-lead - time.Duration(jitter*float64(spread)))
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
