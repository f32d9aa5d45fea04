package mint

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"oauthd/daemon/account"
	"oauthd/daemon/book"
	"oauthd/daemon/grant"
	"oauthd/daemon/provider"
	"oauthd/daemon/token"
	"oauthd/ipc/api"
)

const (
	// Timeout bounds one call of [Minter.Mint]. It leaves time to ask again after a request that ran into the token
	// endpoint client's own time limit.
	Timeout = 45 * time.Second
	// saveTimeout bounds a save that nothing else bounds.
	saveTimeout = 10 * time.Second
	// usedGrain is how old a record's UsedAt may become if nothing else of it changes: a save costs more than it tells.
	usedGrain = 24 * time.Hour
	// endGrain is by how much a refresh token's end must move to be worth a save.
	endGrain = time.Hour
)

// refresh spends the refresh token of c for a token of key, and saves what the answer changes before it returns.
func (m *Minter) refresh(
	ctx context.Context, a account.Account, key token.Key, c account.Credential, p provider.Provider,
) (grant.Response, error) {
	auth, err := clientAuth(a, c)
	if err != nil {
		return grant.Response{}, err
	}
	return m.Spend(ctx, Spending{
		Account:       a.Name,
		Provider:      p,
		TokenEndpoint: c.TokenEndpoint,
		Auth:          auth,
		RefreshToken:  c.RefreshToken,
		Scope:         cmp.Or(key.Scope, OneResource(p, c.Scopes)),
		Audience:      key.Audience,
		Resource:      cmp.Or(key.Resource, a.Resource),
		RedirectURI:   c.RedirectURI,
		OpenID:        slices.Contains(c.Scopes, "openid"),
		Answered: func(r grant.Response, failure error) {
			c = m.rotate(ctx, a, key, c, p, r, failure)
		},
	})
}

// rotate saves what an answer of the token endpoint changed, before anybody is served, and returns the credential as it
// is now. Scopes of a narrowed request never shrink the recorded grant.
func (m *Minter) rotate(
	ctx context.Context, a account.Account, key token.Key, c account.Credential, p provider.Provider, r grant.Response, failure error,
) account.Credential {
	rotated := !r.RefreshToken.Equal(c.RefreshToken)
	changed, stale := rotated, false
	c.RefreshToken = r.RefreshToken
	if _, all := p.OneResource(c.Scopes); failure == nil && all && key == (token.Key{Account: key.Account}) &&
		r.Token.Scopes != nil && !slices.Equal(r.Token.Scopes, c.Scopes) {
		c.Scopes, changed = r.Token.Scopes, true
	}
	if failure == nil {
		now := m.now().UTC().Truncate(time.Second)
		stale = now.Sub(book.LastUse(c)).Abs() >= usedGrain
		c.UsedAt = now
		if moved := r.RefreshExpiry.Sub(c.RefreshExpiry).Abs() >= endGrain; moved && (rotated || !r.RefreshExpiry.IsZero()) {
			c.RefreshExpiry, stale = r.RefreshExpiry.UTC().Truncate(time.Second), true
		}
	}
	var refused *grant.ProviderError
	if errors.As(failure, &refused) && refused.Kind == grant.LoginRequired {
		c.Dead, changed = true, true
		m.log.Warn().Str("account", a.Name).Str("state", string(api.StateLoginRequired)).Str("error", refused.Code).Msg("state")
	}
	// The provider has moved on: this save must not end with the request that caused it.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveTimeout)
	defer cancel()
	switch {
	case changed:
		if err := m.vault.Rotate(ctx, a.Name, c); err != nil {
			m.log.Error().Err(err).Str("account", a.Name).Bool("degraded", true).Msg("state")
		}
	case stale:
		// Nothing is lost if the store does not take it, so nothing is degraded either.
		if err := m.vault.Save(ctx, a.Name, c); err != nil {
			m.log.Info().Err(err).Str("account", a.Name).Msg("the time of use was not saved")
		}
	}
	m.book.SetFacts(a.Name, book.FactsOf(c))
	return c
}
