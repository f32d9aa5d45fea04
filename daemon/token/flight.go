package token

import (
	"context"
	"time"

	"oauthd/daemon/account"
)

// flight is one request to the provider, or the wait for the account's turn to make it, and what comes of it.
type flight struct {
	entry     *entry
	proactive bool

	// done is closed under the cache's mutex by land, which sets the fields below; they stay as they are then.
	done  chan struct{}
	token held // on failure the token held before
	err   error
}

// land ends f for its callers.
func (f *flight) land(t held, err error) {
	f.token, f.err = t, err
	close(f.done)
}

// landed reports whether f has ended for its callers. With the mutex held the answer stays true or false.
func (f *flight) landed() bool {
	select {
	case <-f.done:
		return true
	default:
		return false
	}
}

// answer returns what a caller who waited for f gets.
func (f *flight) answer(r Request, now time.Time) (account.Token, error) {
	if f.err != nil {
		if !r.Force && f.token.valid(r.IDToken, now) {
			return f.token.forRequest(r), nil
		}
		return account.Token{}, f.err
	}
	if r.IDToken && f.token.IDToken.IsZero() {
		return account.Token{}, ErrNoIDToken
	}
	return f.token.forRequest(r), nil
}

// startLocked begins a flight for e, which has none. The flight takes ctx's values, not its end.
func (c *Cache) startLocked(ctx context.Context, e *entry, proactive bool) {
	f := &flight{entry: e, proactive: proactive, done: make(chan struct{})}
	e.flight = f
	e.slot.flights++
	if proactive {
		c.proactive++
	}
	ctx = context.WithoutCancel(ctx)
	c.flights.Go(func() {
		c.changed(e.key, nil)
		t, err := c.fly(ctx, f)
		c.changed(e.key, c.publish(f, t, err))
	})
}

// fly waits for the account's turn and mints.
func (c *Cache) fly(ctx context.Context, f *flight) (account.Token, error) {
	turn := f.entry.slot.turn
	select {
	case turn <- struct{}{}:
	case <-c.closing:
		return account.Token{}, ErrClosed
	}
	defer func() { <-turn }()
	c.mu.Lock()
	landed, closed := f.landed(), c.closed
	c.mu.Unlock()
	if landed {
		return account.Token{}, errDropped
	}
	if closed {
		return account.Token{}, ErrClosed
	}
	ctx, cancel := context.WithTimeout(ctx, c.mintTimeout)
	defer cancel()
	defer context.AfterFunc(c.hard, cancel)()
	return c.minter.Mint(ctx, f.entry.key)
}

// publish keeps what f brought, unless it was dropped or superseded, and hands it to the callers. It returns the token
// that it kept, or nil.
func (c *Cache) publish(f *flight, t account.Token, err error) (kept *account.Token) {
	now, jitter := c.now(), c.jitter()
	c.mu.Lock()
	defer c.mu.Unlock()
	e, s := f.entry, f.entry.slot
	s.flights--
	if f.proactive {
		c.proactive--
	}
	if !f.landed() {
		e.flight, e.jitter = nil, jitter
		if err != nil {
			err = e.failed(err, jitter, now)
			c.planRetryLocked(e)
		} else {
			e.keep(hold(t, now), now)
			e.succeeded()
			c.planLocked(e, now)
			kept = &t
		}
		f.land(e.token, err)
	}
	for _, other := range s.entries { // those that came due while the account was busy
		c.enqueueLocked(other)
	}
	c.sweepLocked(e.key.lane(), s)
	c.wakeLoop()
	return kept
}

// keep replaces the token by a newly minted one. A refresh may bring no ID token (OpenID Connect Core §12.2); the old
// one stays while it is valid.
func (e *entry) keep(t held, now time.Time) {
	t.mintedAt, t.noIDToken = now, t.IDToken.IsZero()
	if t.noIDToken && e.token.idTokenValid(now) {
		t.IDToken, t.IDTokenExpiry = e.token.IDToken, e.token.IDTokenExpiry
	}
	e.token = t
}
