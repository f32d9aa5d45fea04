package token

import "time"

// arrival is when a token came: by the wall clock, and by the process' own, which only runs, though not while the
// machine is suspended.
type arrival struct{ wall, running time.Time }

// Wake makes the refresh ahead of expiry look at the clock at once: after a suspend or a jump of the clock, which else is
// noticed within 10 minutes. If the clock was set back the ends of tokens go back with it: by their old ends they
// would be served for hours after the provider has ended them.
func (c *Cache) Wake() {
	now, running := c.now(), time.Now()
	c.mu.Lock()
	for _, s := range c.slots {
		for _, e := range s.entries {
			if back := e.token.arrived.setBack(now, running); e.token.ok && back > 0 {
				e.moveBack(back)
				e.publishLocked()
				c.enqueueLocked(e)
			}
		}
	}
	c.mu.Unlock()
	c.wakeLoop()
}

// setBack returns by how much the wall clock was set back since, as far as it was not made up for by a suspend or by
// setting it ahead; else what it returns is not positive.
func (a arrival) setBack(now, running time.Time) time.Duration {
	return running.Sub(a.running) - now.Sub(a.wall)
}

// moveBack moves what is known of e's token to where it is by a clock that was set back.
func (e *entry) moveBack(by time.Duration) {
	for _, at := range []*time.Time{&e.token.arrived.wall, &e.token.Expiry, &e.token.IDTokenExpiry, &e.token.mintedAt, &e.refreshAt} {
		if !at.IsZero() {
			*at = at.Add(-by)
		}
	}
}
