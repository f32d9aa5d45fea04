package token

import (
	"sync/atomic"
	"time"

	"oauthd/daemon/account"
)

// maxKeys bounds the keys held in one lane, because callers choose them.
const maxKeys = 64

// slot is what is known of one lane: of an account, or of the tokens that were exchanged for its own.
type slot struct {
	// hits is what can be served without the cache's mutex, by key. The map does not change; it is replaced as a whole, with
	// the mutex held.
	hits atomic.Pointer[map[Key]*hit]

	// turn holds one element while a flight of the account mints.
	turn    chan struct{}
	entries map[Key]*entry
	// flights counts those that have not ended, discarded ones included.
	flights int
}

// entry is what is known of one key.
type entry struct {
	key   Key
	slot  *slot
	token held
	// asked is when the key was last asked for or put. It may be set without the mutex.
	asked  instant
	flight *flight // nil if none is under way

	failure

	// refreshAt is when the loop refreshes; zero means not at all.
	refreshAt time.Time
	// jitter is the number in [0,1) drawn for the token.
	jitter float64
	// idle is true when the refresh was called off because nobody asks for the key any more.
	idle bool
	// due is what the queue is sorted by: refreshAt, else when to look whether the entry can go.
	due   time.Time
	index int // in the queue; -1 when not there
}

// held is a token with the lifetime our rules go by.
type held struct {
	account.Token
	ok       bool // false in the zero value: no token
	lifetime time.Duration
	arrived  arrival
	// mintedAt is when the token came from the provider because we asked for it; zero for one that was put.
	mintedAt time.Time
	// noIDToken is true if the provider's last answer had no ID token.
	noIDToken bool
}

// hold normalizes t. If the provider did not tell the lifetime, what is left of it now is as good.
func hold(t account.Token, now time.Time) held {
	t.Expiry = t.Expiry.Round(0)
	t.IDTokenExpiry = t.IDTokenExpiry.Round(0)
	h := held{Token: t, ok: true, lifetime: t.Lifetime, arrived: arrival{wall: now, running: time.Now()}}
	if h.lifetime <= 0 && !t.Expiry.IsZero() {
		h.lifetime = max(t.Expiry.Sub(now), 0)
	}
	return h
}

// forRequest returns the token without what r did not ask for.
func (h held) forRequest(r Request) account.Token {
	if !r.IDToken {
		h.IDToken, h.IDTokenExpiry = account.Secret{}, time.Time{}
	}
	return h.Token
}

// valid reports whether there is a token that has not ended, and if wanted such an ID token too.
func (h *held) valid(idToken bool, now time.Time) bool {
	return h.ok && alive(h.Expiry, now) && (!idToken || h.idTokenValid(now))
}

func (h *held) idTokenValid(now time.Time) bool {
	return !h.IDToken.IsZero() && alive(h.IDTokenExpiry, now)
}

// minTTL returns the default minimum time to live.
func (h *held) minTTL() time.Duration {
	if h.lifetime <= 0 {
		return 60 * time.Second
	}
	return min(60*time.Second, h.lifetime/4)
}

// alive reports whether what ends at expiry has not ended; a zero expiry never comes.
func alive(expiry, now time.Time) bool { return expiry.IsZero() || expiry.After(now) }

// serves reports whether the token serves r, which is not forced, as it is; an error means that a new one would not
// either.
func (h *held) serves(r Request, now time.Time) (hit bool, err error) {
	if !h.ok {
		return false, nil
	}
	minTTL := h.minTTL()
	if r.MinTTL != nil {
		minTTL = *r.MinTTL
	}
	if !h.enough(h.Expiry, minTTL, now) {
		return false, nil
	}
	if !r.IDToken {
		return true, nil
	}
	if h.noIDToken { // asking again will not help
		if !h.idTokenValid(now) {
			return false, ErrNoIDToken
		}
		return true, nil
	}
	return !h.IDToken.IsZero() && h.enough(h.IDTokenExpiry, minTTL, now), nil
}

// enough reports whether what ends at expiry lives for minTTL, or for as long as the provider makes it: a token minted
// a moment ago serves those who ask for more than any token has, else each of them would cost a request.
func (h *held) enough(expiry time.Time, minTTL time.Duration, now time.Time) bool {
	if expiry.IsZero() {
		return true
	}
	left := expiry.Sub(now)
	if left <= 0 || left >= minTTL {
		return left > 0
	}
	if h.mintedAt.IsZero() || minTTL < expiry.Sub(h.mintedAt) {
		return false
	}
	return now.Sub(h.mintedAt) < h.minTTL()
}

// insertLocked returns the entry of key, made if need be; where the account has too many, the one least recently asked
// for goes. It returns nil when none can go.
func (c *Cache) insertLocked(key Key, asked time.Time) *entry {
	lane := key.lane()
	s := c.slots[lane]
	if s == nil {
		s = &slot{turn: make(chan struct{}, 1), entries: make(map[Key]*entry)}
		c.slots[lane] = s
		c.byName.Store(lane, s)
	}
	if e := s.entries[key]; e != nil {
		return e
	}
	if len(s.entries) >= maxKeys {
		var oldest *entry
		for _, e := range s.entries {
			if e.flight == nil && (oldest == nil || e.asked.time().Before(oldest.asked.time())) {
				oldest = e
			}
		}
		if oldest == nil {
			return nil
		}
		c.removeLocked(oldest)
	}
	e := &entry{key: key, slot: s, index: -1}
	e.asked.set(asked)
	s.entries[key] = e
	return e
}

// removeLocked forgets an entry that has no flight.
func (c *Cache) removeLocked(e *entry) {
	c.queue.remove(e)
	delete(e.slot.entries, e.key)
	e.slot.publishLocked(e.key, nil)
}

// sweepLocked forgets a slot that nothing needs any more.
func (c *Cache) sweepLocked(lane string, s *slot) {
	if len(s.entries) == 0 && s.flights == 0 {
		delete(c.slots, lane)
		c.byName.Delete(lane)
	}
}
