package mint

import (
	"cmp"
	"context"
	"errors"

	"oauthd/daemon/account"
	"oauthd/daemon/book"
	"oauthd/daemon/grant"
	"oauthd/daemon/provider"
	"oauthd/daemon/token"
	"oauthd/daemon/vault"
	"oauthd/daemon/words"
)

// askVia exchanges the login of another account for a token of a: that one's issuer gives an assertion about the person
// (RFC 8693, ID-JAG), and a's own server takes it for a grant (RFC 7523). Nothing of either is kept.
func (m *Minter) askVia(
	ctx context.Context, a account.Account, key token.Key, c account.Credential, p provider.Provider, scopes []string,
) (MachineToken, error) {
	if key.Audience != "" {
		return MachineToken{}, words.NoAudienceVia(a)
	}
	auth, err := clientAuth(a, c, p)
	if err != nil {
		return MachineToken{}, err
	}
	assertion, err := m.assertion(ctx, a, grant.TokenExchange{
		SubjectType: grant.TypeIDToken, Scopes: scopes, Audience: p.Issuer, Resource: cmp.Or(key.Resource, a.Resource),
	})
	if err != nil {
		return MachineToken{}, err
	}
	r, err := m.grants.AssertionGrant(p.Confine(ctx), grant.AssertionGrant{
		TokenEndpoint: c.TokenEndpoint, Auth: auth, Assertion: assertion, Dialect: Dialect(p),
	})
	for _, warning := range r.Warnings {
		m.log.Warn().Str("account", a.Name).Msg(warning)
	}
	return MachineToken{Token: r.Token}, err
}

// assertion has the issuer of a's other account give what ask says for the ID token of that one.
func (m *Minter) assertion(ctx context.Context, a account.Account, ask grant.TokenExchange) (account.Secret, error) {
	of, err := m.book.Account(ctx, a.Via)
	if err != nil {
		return account.Secret{}, err
	}
	if !of.Grant.Interactive() { // its file has changed since a's was read
		return account.Secret{}, words.NoLoginVia(a)
	}
	id, err := m.tokens(ctx, token.Request{Key: token.Key{Account: of.Name}, IDToken: true})
	if err != nil {
		return account.Secret{}, words.Via(a, book.ProviderName(of), m.now(), of, err)
	}
	c, err := m.vault.Load(ctx, of.Name)
	if errors.Is(err, vault.ErrNoCredential) {
		return account.Secret{}, words.Via(a, book.ProviderName(of), m.now(), of, words.NoCredential(of.Name, m.book.Missing(of.Name)))
	}
	if err != nil {
		return account.Secret{}, m.store.Problem(err)
	}
	p, err := m.bound(ctx, of, c)
	if err != nil {
		return account.Secret{}, words.Via(a, book.ProviderName(of), m.now(), of, err)
	}
	auth, err := clientAuth(of, c, p)
	if err != nil {
		return account.Secret{}, err
	}
	ask.TokenEndpoint, ask.Auth, ask.Subject = c.TokenEndpoint, &auth, id.IDToken
	got, err := m.grants.IdentityAssertion(p.Confine(ctx), ask)
	if err != nil {
		return account.Secret{}, words.Via(a, book.ProviderName(of), m.now(), of, err)
	}
	return got, nil
}
