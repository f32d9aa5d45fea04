package daemon

import (
	"context"
	"errors"
	"fmt"
	"time"

	"oauthd/daemon/account"
	"oauthd/daemon/config"
	"oauthd/daemon/grant"
	"oauthd/daemon/provider"
	"oauthd/daemon/vault"
	"oauthd/ipc/api"
)

// revokeTimeout bounds the provider's part of a logout; forgetting here does not depend on it.
const revokeTimeout = 10 * time.Second

// Logout revokes name's grant at the provider where it can, and forgets it here in any case.
func (d *Daemon) Logout(ctx context.Context, name string) (api.LogoutResult, error) {
	a, err := d.account(name)
	if err != nil {
		return api.LogoutResult{}, err
	}
	leave, err := d.enter()
	if err != nil {
		return api.LogoutResult{}, err
	}
	defer leave()
	d.logins.supersede(name)
	unlock, err := d.vault.Lock(ctx, name)
	if err != nil {
		return api.LogoutResult{}, err
	}
	defer unlock()
	// Once begun, a logout is carried through whether or not the caller waits for it.
	ctx = context.WithoutCancel(ctx)
	c, err := d.vault.Load(ctx, name)
	var result api.LogoutResult
	switch {
	case errors.Is(err, vault.ErrNoCredential):
		result.Detail = "nobody was logged in"
		if selfContained(a) {
			result.Detail = "nothing of it is kept here but its account file, and without that no more tokens come"
		}
	case errors.Is(err, vault.ErrUnreadable):
		result.Detail = "the record could not be read, so there was nothing to revoke"
	case err != nil:
		return api.LogoutResult{}, d.storeProblem(err)
	default:
		result = d.revoke(ctx, a, c)
	}
	if err := d.vault.Delete(ctx, name); err != nil {
		return api.LogoutResult{}, d.storeProblem(err)
	}
	d.tokens.Drop(name)
	d.setFacts(name, facts{})
	who(ctx, d.log.Info()).Str("account", name).Bool("revoked", result.Revoked).
		Str("state", string(api.StateLoginRequired)).Msg("logout")
	return result, nil
}

func (d *Daemon) revoke(ctx context.Context, a account.Account, c account.Credential) api.LogoutResult {
	name := d.providerName(a)
	if !a.Grant.Interactive() {
		return api.LogoutResult{Detail: fmt.Sprintf("nothing was revoked: the secret or key is forgotten here, and stays good at %s until it is deleted there", name)}
	}
	auth, err := clientAuth(a, c)
	if err != nil {
		return api.LogoutResult{Detail: fmt.Sprintf("the client cannot authenticate at %s (%v); end the grant in your account's settings there", name, err)}
	}
	if c.RevocationEndpoint == "" {
		return api.LogoutResult{Detail: fmt.Sprintf("%s offers no revocation (RFC 7009); end the grant in your account's settings there", name)}
	}
	ctx, cancel := context.WithTimeout(ctx, revokeTimeout)
	defer cancel()
	if err := d.revokeAs(ctx, a, c, auth); err != nil {
		d.log.Warn().Err(err).Str("account", a.Name).Msg("revocation")
		return api.LogoutResult{Detail: fmt.Sprintf("%s did not revoke (%s); end the grant in your account's settings there",
			name, d.providerProblem(a, err))}
	}
	return api.LogoutResult{Revoked: true}
}

// revokeAs ends c's grant in the way of a's provider, as far as that is still the one that c came from; else in RFC
// 7009's.
func (d *Daemon) revokeAs(ctx context.Context, a account.Account, c account.Credential, auth grant.ClientAuth) error {
	p, err := d.named(a)
	if err != nil || p.Endpoints.Revocation != c.RevocationEndpoint {
		p = provider.Provider{}
	}
	r := grant.Revoke{RevocationEndpoint: c.RevocationEndpoint, Form: p.RevocationForm, Auth: auth}
	switch {
	case c.RefreshToken.IsZero():
		r.Token, r.Hint = c.AccessToken, "access_token"
	case r.Form.TakesAccessToken():
		// The last one handed out may have ended; a new one is the last thing that this refresh token is used for.
		fresh, err := d.grants.Refresh(ctx, grant.Refresh{
			TokenEndpoint: c.TokenEndpoint, Auth: r.Auth, RefreshToken: c.RefreshToken, RedirectURI: c.RedirectURI,
			Dialect: dialect(p),
		})
		if err != nil {
			return err
		}
		r.Token = fresh.Token.Access
	default:
		r.Token, r.Hint = c.RefreshToken, "refresh_token"
	}
	return d.grants.Revoke(ctx, r)
}

// Remove logs name out, then removes its file.
func (d *Daemon) Remove(ctx context.Context, name string) (api.LogoutResult, error) {
	a, err := d.account(name)
	if err != nil {
		return api.LogoutResult{}, err
	}
	if !a.Managed {
		return api.LogoutResult{}, &api.Error{
			Code:    api.ConfigInvalid,
			Message: a.File + " is yours, so oauthd does not remove it",
			Hint:    fmt.Sprintf("oauthd logout %s, then delete that file", name),
		}
	}
	result, err := d.Logout(ctx, name)
	if err != nil {
		return result, err
	}
	if err := config.RemoveAccount(d.cfg.Dir, name); err != nil {
		return result, (&api.Error{
			Code:    api.Internal,
			Message: fmt.Sprintf("%s is logged out, but its file could not be removed", name),
			Hint:    "delete " + a.File,
		}).Because(err)
	}
	d.reread()
	return result, nil
}
