package token

import "time"

// Schedule is what a status shows of an account. The zero value means that nothing is known.
type Schedule struct {
	// ExpiresAt is when the token held ends; zero when there is none or its end is not known.
	ExpiresAt time.Time
	// NextRefreshAt is when the token is refreshed ahead of expiry; zero when it is not.
	NextRefreshAt time.Time
	// Refreshing is true while the provider is being asked, for whichever key.
	Refreshing bool
	// LastError is the failure of the last request to the provider; nil when it succeeded.
	LastError error
	// RetryAt is the end of the back-off; zero when there is none.
	RetryAt time.Time
}

// Schedule returns what is known of an account's token for all that was granted, or, when nobody has asked for that one,
// of the token last asked for.
func (c *Cache) Schedule(accountName string) Schedule {
	now := c.now()
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.slots[accountName]
	if s == nil {
		return Schedule{}
	}
	shown := s.entries[Key{Account: accountName}]
	var refreshing bool
	for _, e := range s.entries {
		refreshing = refreshing || e.flight != nil
		if shown == nil || shown.key != (Key{Account: accountName}) && e.asked.time().After(shown.asked.time()) {
			shown = e
		}
	}
	if shown == nil {
		return Schedule{}
	}
	out := Schedule{
		ExpiresAt:  shown.token.Expiry,
		Refreshing: refreshing,
		LastError:  shown.lastError,
		RetryAt:    shown.backingOff(false, now),
	}
	if c.running {
		out.NextRefreshAt = shown.refreshAt
	}
	return out
}
