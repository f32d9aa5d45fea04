package daemon

import (
	"context"
	"time"

	"oauthd/daemon/admit"
	"oauthd/ipc/api"
)

const (
	// holdFor is how long a token is held at most.
	holdFor = 10 * time.Second
	// leastLife is how long a token must live beyond that, so that it is the one that the cache would give until then.
	leastLife = time.Minute
)

// Hold answers a token request as [Daemon.Token] does. If nothing is counted and nobody is asked for it, the same request comes to
// the same token until wait returns: then the account, its rules or its token have changed, the daemon is locked, or some time
// has passed. What causes that by a request of its own is not answered before tell has returned.
func (d *Daemon) Hold(ctx context.Context, r api.TokenRequest) (t api.Token, wait func(ctx context.Context, tell func()), err error) {
	h := d.holds.Begin(r.Account)
	t, admitted, err := d.answer(ctx, r)
	if err != nil || !d.holdable(r, admitted, t) {
		h.End()
		return t, nil, err
	}
	return t, func(ctx context.Context, tell func()) {
		defer h.End()
		late := time.NewTimer(holdFor)
		defer late.Stop()
		select {
		case <-h.Over():
		case <-late.C:
		case <-ctx.Done():
		}
		tell()
	}, nil
}

// holdable reports whether t stays the answer to r for as long as nothing changes.
func (d *Daemon) holdable(r api.TokenRequest, admitted admit.Pass, t api.Token) bool {
	if r.Account == "" || r.Force || r.ACRValues != "" || r.MaxAge != nil || t.TokenType == api.TypeDPoP || !admitted.Lasts() || t.ExpiresAt == nil {
		return false
	}
	least := leastLife
	if r.MinTTL != nil {
		least = max(least, time.Duration(*r.MinTTL)*time.Second)
	}
	return t.ExpiresAt.Sub(d.now()) > least+holdFor
}
