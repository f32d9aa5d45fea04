package daemon

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"oauthd/daemon/account"
	"oauthd/daemon/grant"
	"oauthd/daemon/provider"
	"oauthd/daemon/token"
	"oauthd/ipc/api"
)

const (
	// storeTimeout bounds a save that nothing else bounds.
	storeTimeout = 10 * time.Second
	// mintTimeout leaves time to ask again after a request that ran into the token endpoint client's own time limit.
	mintTimeout = 45 * time.Second
	// lostPause, and up to as much again, passes before a refresh token whose answer was lost is sent once more: within
	// the 10 to 60 s for which providers that rotate tolerate a repetition.
	lostPause = time.Second
	// usedGrain is how old a record's UsedAt may become where nothing else of it changes: a save costs more than it tells.
	usedGrain = 24 * time.Hour
	// endGrain is by how much a refresh token's end must move to be worth a save.
	endGrain = time.Hour
)

// spend sends the refresh token and keeps what the answer changes. Where the answer was lost nobody knows whether the
// provider has rotated: the token is sent once more, soon, and what comes of that is definite.
func (d *Daemon) spend(
	ctx context.Context, a account.Account, key token.Key, c account.Credential, p provider.Provider,
) (grant.Response, error) {
	auth, err := clientAuth(a, c)
	if err != nil {
		return grant.Response{}, err
	}
	for again := false; ; again = true {
		r, err := d.grants.Refresh(ctx, grant.Refresh{
			TokenEndpoint: c.TokenEndpoint,
			Auth:          auth,
			RefreshToken:  c.RefreshToken,
			Scope:         cmp.Or(key.Scope, oneResource(p, c.Scopes)),
			Audience:      key.Audience,
			Resource:      cmp.Or(key.Resource, a.Resource),
			RedirectURI:   c.RedirectURI,
			Dialect:       dialect(p),
		})
		c = d.rotate(ctx, a, key, c, p, r, err)
		var lost *grant.ProviderError
		if again || !errors.As(err, &lost) || !lost.Ambiguous {
			return r, err
		}
		d.log.Warn().Err(err).Str("account", a.Name).Msg("the answer was lost, asking once more")
		if pause(ctx, lostPause+rand.N(lostPause)) != nil {
			return r, err
		}
	}
}

// oneResource is the scope parameter of a request for a token of scopes: "" where one can hold them all. Elsewhere the
// provider would choose by itself, or refuse.
func oneResource(p provider.Provider, scopes []string) string {
	one, whole := p.OneResource(scopes)
	if whole {
		return ""
	}
	return strings.Join(one, " ")
}

// rotate records what an answer of the token endpoint changed, before anybody is served, and returns the credential as
// it is now. Scopes of a narrowed request never shrink the recorded grant.
func (d *Daemon) rotate(
	ctx context.Context, a account.Account, key token.Key, c account.Credential, p provider.Provider, r grant.Response, failure error,
) account.Credential {
	rotated := !r.RefreshToken.IsZero() && !r.RefreshToken.Equal(c.RefreshToken)
	changed, stale := rotated, false
	if rotated {
		c.RefreshToken = r.RefreshToken
	}
	if _, all := p.OneResource(c.Scopes); failure == nil && all && key == (token.Key{Account: key.Account}) &&
		r.Token.Scopes != nil && !slices.Equal(r.Token.Scopes, c.Scopes) {
		c.Scopes, changed = r.Token.Scopes, true
	}
	if failure == nil {
		now := d.now().UTC().Truncate(time.Second)
		stale = now.Sub(lastUse(c)).Abs() >= usedGrain
		c.UsedAt = now
		if moved := r.RefreshExpiry.Sub(c.RefreshExpiry).Abs() >= endGrain; moved && (rotated || !r.RefreshExpiry.IsZero()) {
			c.RefreshExpiry, stale = r.RefreshExpiry.UTC().Truncate(time.Second), true
		}
	}
	var refused *grant.ProviderError
	if errors.As(failure, &refused) && refused.Kind == grant.LoginRequired {
		c.Dead, changed = true, true
		d.log.Warn().Str("account", a.Name).Str("state", string(api.StateLoginRequired)).Str("error", refused.Code).Msg("state")
	}
	// The provider has moved on: this save must not end with the request that caused it.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	defer cancel()
	switch {
	case changed:
		if err := d.vault.Rotate(ctx, a.Name, c); err != nil {
			d.log.Error().Err(err).Str("account", a.Name).Bool("degraded", true).Msg("state")
		}
	case stale:
		// Nothing is lost when the store does not take it, so that nothing is degraded either.
		if err := d.vault.Save(ctx, a.Name, c); err != nil {
			d.log.Info().Err(err).Str("account", a.Name).Msg("the time of use was not saved")
		}
	}
	d.setFacts(a.Name, factsOf(c))
	return c
}

// lastUse is when the provider last saw c's refresh token used.
func lastUse(c account.Credential) time.Time {
	if c.UsedAt.After(c.LoggedInAt) {
		return c.UsedAt
	}
	return c.LoggedInAt
}

// pause waits for d, or returns why ctx ended before.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
