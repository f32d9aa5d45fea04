package mint

import (
	"context"
	"errors"
	"slices"

	"oauthd/daemon/account"
	"oauthd/daemon/book"
	"oauthd/daemon/grant"
	"oauthd/daemon/grant/google"
	"oauthd/daemon/token"
	"oauthd/daemon/vault"
	"oauthd/daemon/words"
)

// exchange exchanges a's own token for one that is good for less (RFC 8693). It spends no refresh token itself, and nothing
// that comes of it ends the login.
func (m *Minter) exchange(ctx context.Context, a account.Account, key token.Key) (account.Token, error) {
	own, err := m.tokens(ctx, token.Request{Key: token.Key{Account: a.Name}})
	if err != nil {
		return account.Token{}, err
	}
	if account.IsStorage(key.Resource) && google.Issues(a) {
		return m.bounded(ctx, a, key, own)
	}
	c, err := m.vault.Load(ctx, a.Name)
	if errors.Is(err, vault.ErrNoCredential) {
		return account.Token{}, words.NoCredential(a.Name, m.book.Missing(a.Name))
	}
	if err != nil {
		return account.Token{}, m.store.Problem(err)
	}
	p, err := m.bound(ctx, a, c)
	if err != nil {
		return account.Token{}, err
	}
	auth, err := clientAuth(a, c, p)
	if err != nil {
		return account.Token{}, err
	}
	asked, granted := key.Scopes.List(), a.Granted(c.Scopes)
	r, err := m.grants.ExchangeToken(p.Confine(ctx), grant.TokenExchange{
		TokenEndpoint: c.TokenEndpoint,
		Auth:          &auth,
		Subject:       own.Access,
		SubjectType:   grant.TypeAccessToken,
		Scopes:        asked,
		Audience:      key.Audience,
		Resource:      key.Resource,
		Dialect:       Dialect(p),
	})
	for _, warning := range r.Warnings {
		m.log.Warn().Str("account", a.Name).Msg(warning)
	}
	if err != nil {
		return account.Token{}, words.Exchange(a, book.ProviderName(a), err)
	}
	t := r.Token
	if len(asked) == 0 {
		asked = granted
	}
	if t.Scopes == nil { // it is good for what was asked for (RFC 8693 §2.2.1)
		t.Scopes = slices.Clone(asked)
		return t, nil
	}
	beyond := p.Covers(asked, t.Scopes)
	if len(beyond) == 0 {
		beyond = p.Covers(granted, t.Scopes)
	}
	if len(beyond) > 0 {
		return account.Token{}, words.ExchangedBroader(book.ProviderName(a), beyond)
	}
	return t, nil
}
