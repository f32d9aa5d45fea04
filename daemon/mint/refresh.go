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
	// usedGrain is how old a record's UsedAt may become if nothing else of it changes: a save costs more than it is worth.
	usedGrain = 24 * time.Hour
	// endGrain is by how much a refresh token's end must move to be worth a save.
	endGrain = time.Hour
)

// refresh spends the refresh token of c for a token of key, and saves what the answer changes before it returns. If an
// answer brings fewer scopes than the login did, because the request named none, it asks once more and names them.
func (m *Minter) refresh(
	ctx context.Context, a account.Account, key token.Key, c account.Credential, p provider.Provider,
) (grant.Response, error) {
	before := c
	scopes := key.Scopes.List()
	if key.Scopes.Empty() {
		scopes = refreshScopes(a, c, p)
	}
	r, c, err := m.spendFor(ctx, a, key, c, p, scopes)
	switch {
	case !key.Scopes.Empty():
	case c.SendScope && !before.SendScope: // an answer brought fewer scopes
		m.log.Info().Str("account", a.Name).Strs("scopes", r.Token.Scopes).Msg("a refresh brought fewer scopes, naming them from now on")
		again, named, failure := m.spendFor(ctx, a, key, c, p, refreshScopes(a, c, p))
		if failure == nil {
			return again, nil
		}
		if c = named; invalidScope(failure) {
			m.nameNoScopes(ctx, a, c)
		}
	case invalidScope(err) && before.SendScope && !p.RefreshScope:
		m.nameNoScopes(ctx, a, c)
		c.SendScope = false
		r, _, err = m.spendFor(ctx, a, key, c, p, refreshScopes(a, c, p))
	}
	return r, err
}

// spendFor spends the refresh token of c for a token of key, naming scopes, and returns the credential as it is then.
func (m *Minter) spendFor(
	ctx context.Context, a account.Account, key token.Key, c account.Credential, p provider.Provider, scopes []string,
) (grant.Response, account.Credential, error) {
	auth, err := clientAuth(a, c, p)
	if err != nil {
		return grant.Response{}, c, err
	}
	r, err := m.Spend(ctx, Spending{
		Account:       a.Name,
		Provider:      p,
		TokenEndpoint: c.TokenEndpoint,
		Auth:          auth,
		RefreshToken:  c.RefreshToken,
		Scopes:        scopes,
		Audience:      key.Audience,
		Resource:      cmp.Or(key.Resource, a.Resource),
		RedirectURI:   c.RedirectURI,
		OpenID:        slices.Contains(c.Scopes, "openid"),
		Answered: func(r grant.Response, failure error) {
			c = m.rotate(ctx, a, key, c, p, r, failure, len(scopes) > 0)
		},
	})
	return r, c, err
}

// refreshScopes are those to name in a refresh for a token of all that was granted: nil if none need to be named. Scopes
// that the provider never names in an answer go along with the others.
func refreshScopes(a account.Account, c account.Credential, p provider.Provider) []string {
	granted := c.Scopes
	if c.LoginScopes != nil {
		granted = c.LoginScopes
	}
	one, whole := p.OneResource(granted)
	if whole && !p.RefreshScope && !c.SendScope {
		return nil
	}
	one = slices.Clone(one)
	for _, scope := range slices.Concat(a.Scopes, []string{p.OfflineScope}) {
		if (slices.Contains(p.ScopesNotEchoed, scope) || scope == p.OfflineScope) && scope != "" && !slices.Contains(one, scope) {
			one = append(one, scope)
		}
	}
	return one
}

// nameNoScopes notes that the provider does not take the scopes of c at a refresh.
func (m *Minter) nameNoScopes(ctx context.Context, a account.Account, c account.Credential) {
	c.SendScope = false
	m.save(ctx, a, c, true)
}

// invalidScope reports whether the provider refused the scopes of a request.
func invalidScope(err error) bool {
	var refused *grant.ProviderError
	return errors.As(err, &refused) && refused.Code == "invalid_scope"
}

// rotate saves what an answer of the token endpoint changed, before anybody is served, and returns the credential as it
// is now. Scopes of a narrowed request never shrink the recorded grant.
func (m *Minter) rotate(
	ctx context.Context, a account.Account, key token.Key, c account.Credential, p provider.Provider, r grant.Response, failure error, named bool,
) account.Credential {
	rotated := !r.RefreshToken.Equal(c.RefreshToken)
	changed, stale := rotated, false
	c.RefreshToken = r.RefreshToken
	if _, all := p.OneResource(c.Scopes); failure == nil && all && key == (token.Key{Account: key.Account}) &&
		r.Token.Scopes != nil && !slices.Equal(r.Token.Scopes, c.Scopes) {
		c, changed = m.regrant(c, p, r.Token.Scopes, named), true
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
	switch {
	case failure == nil && !c.EndedAt.IsZero():
		c.EndedAt, changed = time.Time{}, true
	case errors.As(failure, &refused) && refused.Kind == grant.LoginRequired:
		c.Dead, changed = true, true
		if c.EndedAt.IsZero() {
			c.EndedAt = m.now().UTC().Truncate(time.Second)
		}
		m.log.Warn().Str("account", a.Name).Str("state", string(api.StateLoginRequired)).Str("error", refused.Code).Msg("state")
	}
	if changed || stale {
		m.save(ctx, a, c, changed)
	}
	m.book.Stored(a, book.FactsOf(c))
	return c
}

// regrant returns c with the scopes that an answer brought for all that was granted. It remembers what the login brought
// as long as that is more; named is true if the request named the scopes.
func (m *Minter) regrant(c account.Credential, p provider.Provider, scopes []string, named bool) account.Credential {
	login := c.Scopes
	if c.LoginScopes != nil {
		login = c.LoginScopes
	}
	if len(p.Covers(scopes, c.Scopes)) > 0 {
		c.SendScope = c.SendScope || !named
		m.book.SetNarrows(p, false) // it may have been a narrower token that shrank the grant
	}
	c.Scopes, c.LoginScopes = scopes, nil
	if len(p.Covers(scopes, login)) > 0 {
		c.LoginScopes = login
	}
	return c
}

// save saves c, in which something has changed that must not be lost; if not, a store that fails degrades nothing. The
// provider has moved on, so that a save does not end with the request that caused it.
func (m *Minter) save(ctx context.Context, a account.Account, c account.Credential, must bool) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveTimeout)
	defer cancel()
	if !must {
		if err := m.vault.Save(ctx, a.Name, c); err != nil {
			m.log.Info().Err(err).Str("account", a.Name).Msg("the time of use was not saved")
		}
		return
	}
	if err := m.vault.Rotate(ctx, a.Name, c); err != nil {
		m.log.Error().Err(err).Str("account", a.Name).Bool("degraded", true).Msg("state")
	}
}
