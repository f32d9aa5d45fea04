package token

import (
	"maps"
	"strings"
	"sync/atomic"
	"time"

	"oauthd/daemon/account"
	"oauthd/ipc/api"
)

// hit is an entry as it is served without the cache's mutex: every request for a cached token comes this way, and none
// waits for another. It does not change; a new one takes its place. What it does not serve, [Cache.lookup] decides.
type hit struct {
	entry *entry
	token held
	// plain and withID are the token as a caller sees it, without and with the ID token; nil until someone asks.
	plain, withID atomic.Pointer[api.Token]
}

// hit returns what serves r at once; nil if that takes the mutex.
func (c *Cache) hit(r Request, now time.Time) *hit {
	if r.Force || c.ended.Load() {
		return nil
	}
	s, ok := c.byName.Load(r.Key.lane())
	if !ok {
		return nil
	}
	hits := s.(*slot).hits.Load()
	if hits == nil {
		return nil
	}
	h := (*hits)[r.Key]
	if h == nil {
		return nil
	}
	if ok, err := h.token.serves(r, now); !ok || err != nil {
		return nil
	}
	if !r.Unasked {
		h.entry.asked.set(now)
	}
	return h
}

// publishLocked has e served without the mutex as it is now, unless it holds no token, or the next request must begin
// the refresh ahead of expiry again.
func (e *entry) publishLocked() {
	if !e.token.ok || e.idle {
		e.slot.publishLocked(e.key, nil)
		return
	}
	e.slot.publishLocked(e.key, &hit{entry: e, token: e.token})
}

// publishLocked replaces the hit for key; nil removes it.
func (s *slot) publishLocked(key Key, h *hit) {
	var next map[Key]*hit
	if hits := s.hits.Load(); hits != nil {
		next = maps.Clone(*hits)
	} else {
		next = make(map[Key]*hit, 1)
	}
	if h == nil {
		delete(next, key)
	} else {
		next[key] = h
	}
	s.hits.Store(&next)
}

// answer returns the token as a caller sees it, encoded.
func (h *hit) answer(r Request, now time.Time) api.Token {
	shaped := &h.plain
	if r.IDToken {
		shaped = &h.withID
	}
	t := shaped.Load()
	if t == nil {
		// Two callers may both do this, with the same result.
		t = new(shape(r.Key.Account, h.token.forRequest(r)).Encoded())
		shaped.Store(t)
	}
	out := *t
	out.ExpiresIn = expiresIn(h.token.Expiry, now)
	return out
}

// shape returns t as a caller sees it, except for expires_in.
func shape(accountName string, t account.Token) api.Token {
	return api.Token{
		AccessToken:      t.Access.Reveal(),
		TokenType:        t.Type,
		Scope:            strings.Join(t.Scopes, " "),
		IDToken:          t.IDToken.Reveal(),
		Account:          accountName,
		ExpiresAt:        api.Moment(t.Expiry),
		IDTokenExpiresAt: api.Moment(t.IDTokenExpiry),
	}
}

// expiresIn returns how many whole seconds are left until expiry; nil if that is not known.
func expiresIn(expiry, now time.Time) *int64 {
	if expiry.IsZero() {
		return nil
	}
	return new(max(0, int64(expiry.Sub(now)/time.Second)))
}

// instant is a time that several goroutines may read and set; its zero value is the zero time.
type instant struct{ nanos atomic.Int64 }

func (i *instant) set(t time.Time) {
	if t.IsZero() {
		i.nanos.Store(0)
		return
	}
	i.nanos.Store(t.UnixNano())
}

func (i *instant) time() time.Time {
	if n := i.nanos.Load(); n != 0 {
		return time.Unix(0, n)
	}
	return time.Time{}
}
