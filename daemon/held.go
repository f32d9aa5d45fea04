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

// Hold answers a token request as [Daemon.Token] does. If the same request would get the same token again, without being counted
// and without a person being asked, wait is not nil. It returns once that may no longer be so: the account, its rules or its
// token have changed, the daemon is locked, or [holdFor] is over. A lock, a logout or a reload that ends a hold is answered only
// after tell has returned.
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
	if r.Account == "" || r.Force || r.IDToken || r.ACRValues != "" || r.MaxAge != nil || t.TokenType == api.TypeDPoP || !admitted.Lasts() || t.ExpiresAt == nil {
		return false
	}
	then := t.ExpiresAt.Sub(d.now()) - holdFor
	return then > leastLife && (r.MinTTL == nil || int64(then/time.Second) >= *r.MinTTL)
}
