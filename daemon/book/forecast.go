package book

import (
	"fmt"
	"slices"
	"time"

	"oauthd/daemon/account"
	"oauthd/daemon/provider"
)

const (
	// keepAliveLate is how long a keep-alive may be overdue, as after a night without power, before a listing warns.
	keepAliveLate = 24 * time.Hour
	// leastIdleLimit is the shortest limit that is kept: a shorter one is there to end sessions.
	leastIdleLimit = 24 * time.Hour
)

// KeepAliveDue reports whether a login has come to two thirds of the time for which the provider keeps it unused. One
// that is past all of it is left to the next caller.
func (b *Book) KeepAliveDue(a account.Account, f Facts) bool {
	if f.Dead || f.Used.IsZero() {
		return false
	}
	limit := b.idleLimit(a)
	if !f.RefreshEnds.IsZero() {
		// Most providers count anew from each refresh; for one that does not this asks a few times in vain.
		if left := f.RefreshEnds.Sub(f.Used); limit == 0 || left < limit {
			limit = left
		}
	}
	idle := b.cfg.Now().Sub(f.Used)
	return limit >= leastIdleLimit && idle >= limit/3*2 && idle < limit
}

// idleLimit is how long a's provider keeps a refresh token that is not used; 0 if that is not known.
func (b *Book) idleLimit(a account.Account) time.Duration {
	if p, err := b.KnownProvider(a); err == nil && p.IdleLimit != "" {
		return p.IdleLimit.Duration()
	}
	if p, ok := provider.LookupIssuer(a.Issuer); a.Issuer != "" && ok {
		return p.IdleLimit.Duration()
	}
	return 0
}

// Ending is when a login ends as far as that is known, and why; the zero value is that nothing is known.
type Ending struct {
	At     time.Time
	Reason string
	// Prolonged is true if a keep-alive puts it off in time.
	Prolonged bool
}

// Forecast says when the login of a ends.
func (b *Book) Forecast(a account.Account, f Facts) (end Ending) {
	if !f.LoggedIn || f.Dead {
		return Ending{}
	}
	if f.Used.IsZero() {
		if f.Ends.IsZero() {
			return Ending{}
		}
		return Ending{At: f.Ends, Reason: "the provider gave an access token without a refresh token"}
	}
	if limit := b.idleLimit(a); limit > 0 {
		end = Ending{
			At: f.Used.Add(limit),
			Reason: fmt.Sprintf("the provider ends a login that is not used for %d days; oauthd refreshes it before",
				limit/(24*time.Hour)),
			Prolonged: limit >= leastIdleLimit && b.cfg.Now().Sub(f.Used) < limit/3*2+keepAliveLate,
		}
	}
	if !f.RefreshEnds.IsZero() && (end.At.IsZero() || f.RefreshEnds.Before(end.At)) {
		end = Ending{At: f.RefreshEnds, Reason: "the provider said that the refresh token ends then, unless a refresh prolongs it"}
	}
	if len(f.Lasted) > 0 {
		shortest := slices.Min(f.Lasted)
		// One that has outlived the earlier ones shows that there is no such limit, or no more.
		if at := f.LoggedInAt.Add(shortest); at.After(b.cfg.Now()) && (end.At.IsZero() || at.Before(end.At)) {
			end = Ending{At: at, Reason: "an earlier login of this account ended after " + days(shortest) +
				", although it was in use"}
		}
	}
	return end
}

// days words how long something lasted, in days or, if that is less than two, in hours.
func days(d time.Duration) string {
	if d < 48*time.Hour {
		return fmt.Sprintf("%d hours", int(d.Round(time.Hour)/time.Hour))
	}
	return fmt.Sprintf("%d days", int(d.Round(24*time.Hour)/(24*time.Hour)))
}
