package mint

import (
	"context"
	"fmt"
	"time"

	"oauthd/daemon/account"
	"oauthd/daemon/book"
	"oauthd/daemon/grant"
	"oauthd/daemon/provider"
	"oauthd/daemon/words"
	"oauthd/ipc/api"
)

// revokeTimeout bounds the provider's part of a logout; forgetting here does not depend on it.
const revokeTimeout = 10 * time.Second

// Revoke ends c's grant at the provider of a if it can (RFC 7009), and says why if not.
func (m *Minter) Revoke(ctx context.Context, a account.Account, c account.Credential) api.LogoutResult {
	name := book.ProviderName(a)
	if !a.Grant.Interactive() {
		return api.LogoutResult{Detail: fmt.Sprintf("nothing was revoked: the secret or key was deleted here, and stays valid at %s until it is deleted there", name)}
	}
	if c.RevocationEndpoint == "" {
		return api.LogoutResult{Detail: fmt.Sprintf("%s offers no revocation (RFC 7009); end the grant in your account's settings there", name)}
	}
	ctx, cancel := context.WithTimeout(ctx, revokeTimeout)
	defer cancel()
	p, ctx := m.origin(ctx, a, c)
	auth, err := clientAuth(a, c, p)
	if err != nil {
		return api.LogoutResult{Detail: fmt.Sprintf("the client cannot authenticate at %s (%v); end the grant in your account's settings there", name, err)}
	}
	if err := m.revoke(ctx, a, c, p, auth); err != nil {
		m.log.Warn().Err(err).Str("account", a.Name).Msg("revocation")
		return api.LogoutResult{Detail: fmt.Sprintf("%s did not revoke (%s); end the grant in your account's settings there",
			name, words.Token(a, name, m.now(), err))}
	}
	return api.LogoutResult{Revoked: true}
}

// origin returns a's provider as far as it is still the one that c came from, else the zero one, and ctx for requests to
// it.
func (m *Minter) origin(ctx context.Context, a account.Account, c account.Credential) (provider.Provider, context.Context) {
	p, err := m.book.Resolve(ctx, a, false)
	if err != nil || p.Endpoints.Revocation != c.RevocationEndpoint {
		return provider.Provider{}, provider.ConfineTo(ctx, c.RevocationEndpoint, c.Issuer)
	}
	return p, p.Confine(ctx)
}

// revoke ends c's grant in the way of p.
func (m *Minter) revoke(
	ctx context.Context, a account.Account, c account.Credential, p provider.Provider, auth grant.ClientAuth,
) error {
	r := grant.Revoke{RevocationEndpoint: c.RevocationEndpoint, Form: provider.RevocationForm(p.RevocationForm), Auth: auth}
	switch {
	case c.RefreshToken.IsZero():
		r.Token, r.Hint = c.AccessToken, "access_token"
	case r.Form.TakesAccessToken():
		// The last one handed out may have ended; a new one is the last thing that this refresh token is used for.
		fresh, err := m.Spend(ctx, Spending{
			Account: a.Name, Provider: p, TokenEndpoint: c.TokenEndpoint, Auth: auth, RefreshToken: c.RefreshToken,
			RedirectURI: c.RedirectURI, Answered: func(grant.Response, error) {},
		})
		if err != nil {
			return err
		}
		r.Token = fresh.Token.Access
	default:
		r.Token, r.Hint = c.RefreshToken, "refresh_token"
	}
	return m.grants.Revoke(ctx, r)
}
