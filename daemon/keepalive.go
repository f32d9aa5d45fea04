package daemon

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"oauthd/daemon/account"
	"oauthd/daemon/provider"
	"oauthd/daemon/token"
	"oauthd/daemon/vault"
)

// This file keeps logins alive that nobody uses: providers end a refresh token that has not been used for long.

const (
	// The first look at records comes when start-up and the first rush are over, later ones come now and then. What is
	// due then has months or days left, so that nothing of this is in a hurry.
	keepAliveFirst = 5 * time.Minute
	keepAliveEvery = time.Hour
	// keepAliveResumed is how long after a suspend a round begins, when the network is back.
	keepAliveResumed = time.Minute
	// surveyPause stands between two records that are read, keepAlivePause, and up to as much again, between two
	// refreshes, of which none is waited for longer than keepAliveWait.
	surveyPause    = 100 * time.Millisecond
	keepAlivePause = time.Second
	keepAliveWait  = 10 * time.Second
	// keepAliveLate is how long a keep-alive may be overdue, as after a night without power, before a listing warns.
	keepAliveLate = 24 * time.Hour
	// leastIdleLimit is the shortest limit that is kept: a shorter one is there to end sessions.
	leastIdleLimit = 24 * time.Hour
)

// Resumed tells that the machine has woken from a suspend: what came due meanwhile is looked at now.
func (d *Daemon) Resumed() {
	d.tokens.Wake()
	select {
	case d.resumed <- struct{}{}:
	default:
	}
}

// keepAlive refreshes what would otherwise end of disuse, until ctx ends.
func (d *Daemon) keepAlive(ctx context.Context) {
	next := time.Now().Add(keepAliveFirst + rand.N(time.Minute))
	timer := time.NewTimer(time.Until(next))
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
			d.keepAliveRound(ctx)
			next = time.Now().Add(keepAliveEvery + rand.N(time.Minute))
		case <-d.resumed:
			// Jumps may follow each other for hours; none puts off what is due sooner.
			if soon := time.Now().Add(keepAliveResumed + rand.N(time.Minute)); soon.Before(next) {
				next = soon
			}
		case <-ctx.Done():
			return
		}
		timer.Reset(time.Until(next))
	}
}

// keepAliveRound looks once at each account. It reads the records that nobody has asked for yet, slowly, and while the
// store answers.
func (d *Daemon) keepAliveRound(ctx context.Context) {
	d.mu.Lock()
	names := slices.Sorted(maps.Keys(d.config.Accounts))
	d.mu.Unlock()
	storeAnswers := true
	for _, name := range names {
		a, ok := d.configured(name)
		if !ok {
			continue
		}
		f, known := d.knownFacts(name)
		if !known {
			if !storeAnswers {
				continue
			}
			if pause(ctx, surveyPause) != nil {
				return
			}
			var err error
			if f, err = d.survey(ctx, name); err != nil {
				storeAnswers = errors.Is(err, vault.ErrUnreadable)
				continue
			}
		}
		if !d.keepAliveDue(a, f) {
			continue
		}
		if pause(ctx, keepAlivePause+rand.N(keepAlivePause)) != nil {
			return
		}
		d.refreshUnasked(ctx, name)
	}
}

func (d *Daemon) survey(ctx context.Context, name string) (facts, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	return d.facts(ctx, name)
}

// refreshUnasked refreshes name's login without keeping its tokens fresh from then on. It waits only so long, so that a
// provider that hangs does not hold up the round; the refresh goes on. What fails is tried again in the next round.
func (d *Daemon) refreshUnasked(ctx context.Context, name string) {
	ctx, cancel := context.WithTimeout(ctx, keepAliveWait)
	defer cancel()
	// Mint logs what comes of it.
	_, _ = d.tokens.Token(ctx, token.Request{Key: token.Key{Account: name}, Force: true, Unasked: true})
}

// keepAliveDue reports whether a login has come to two thirds of the time for which the provider keeps it unused. One
// that is past all of it is left to the next caller.
func (d *Daemon) keepAliveDue(a account.Account, f facts) bool {
	if f.dead || f.used.IsZero() {
		return false
	}
	limit := d.idleLimit(a)
	if !f.refreshEnds.IsZero() {
		// Most providers count anew from each refresh; for one that does not this asks a few times in vain.
		if left := f.refreshEnds.Sub(f.used); limit == 0 || left < limit {
			limit = left
		}
	}
	idle := d.now().Sub(f.used)
	return limit >= leastIdleLimit && idle >= limit/3*2 && idle < limit
}

// idleLimit is how long a's provider keeps a refresh token that is not used; 0 where that is not known.
func (d *Daemon) idleLimit(a account.Account) time.Duration {
	if p, err := d.named(a); err == nil && p.IdleLimit > 0 {
		return p.IdleLimit
	}
	if p, ok := provider.LookupIssuer(a.Issuer); a.Issuer != "" && ok {
		return p.IdleLimit
	}
	return 0
}

// ending is when a login ends as far as that is known, and why; the zero value is that nothing is known.
type ending struct {
	at     time.Time
	reason string
	// prolonged is true where a keep-alive puts it off in time.
	prolonged bool
}

func (d *Daemon) forecast(a account.Account, f facts) (end ending) {
	if !f.loggedIn || f.dead {
		return ending{}
	}
	if f.used.IsZero() {
		if f.ends.IsZero() {
			return ending{}
		}
		return ending{at: f.ends, reason: "the provider gave an access token without a refresh token"}
	}
	if limit := d.idleLimit(a); limit > 0 {
		end = ending{
			at: f.used.Add(limit),
			reason: fmt.Sprintf("the provider ends a login that is not used for %d days; oauthd refreshes it before",
				limit/(24*time.Hour)),
			prolonged: limit >= leastIdleLimit && d.now().Sub(f.used) < limit/3*2+keepAliveLate,
		}
	}
	if !f.refreshEnds.IsZero() && (end.at.IsZero() || f.refreshEnds.Before(end.at)) {
		end = ending{at: f.refreshEnds, reason: "the provider said that the refresh token ends then, unless a refresh prolongs it"}
	}
	return end
}
