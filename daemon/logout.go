package daemon

import (
	"context"
	"errors"
	"fmt"

	"oauthd/daemon/account"
	"oauthd/daemon/vault"
	"oauthd/daemon/words"
	"oauthd/ipc/api"
)

// Logout revokes name's grant at the provider if it can, and forgets it here in any case.
func (d *Daemon) Logout(ctx context.Context, name string) (api.LogoutResult, error) {
	a, err := d.book.Account(ctx, name)
	if err != nil {
		return api.LogoutResult{}, err
	}
	leave, err := d.vault.Gate().Enter()
	if err != nil {
		return api.LogoutResult{}, d.store.Problem(err)
	}
	defer leave()
	d.logins.Supersede(name)
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
		if a.SelfContained() {
			result.Detail = "only its account file is stored here; without that file there are no more tokens"
		}
	case errors.Is(err, vault.ErrUnreadable):
		result.Detail = "the record could not be read, so there was nothing to revoke"
	case err != nil:
		return api.LogoutResult{}, d.store.Problem(err)
	default:
		result = d.mint.Revoke(ctx, a, c)
	}
	if err := d.vault.Delete(ctx, name); err != nil {
		return api.LogoutResult{}, d.store.Problem(err)
	}
	d.tokens.Drop(name)
	d.book.Forgotten(name)
	d.consent.Forget(name) // it was for this login
	d.files.Withdraw(ctx, name, words.LoginRequired(name, ""))
	for _, through := range d.book.Through(name) {
		d.files.Changed(through)
	}
	account.LogCaller(ctx, d.log.Info()).Str("account", name).Bool("revoked", result.Revoked).
		Str("state", string(api.StateLoginRequired)).Msg("logout")
	d.audit.Note(ctx, api.AuditLogout, name, "", nil)
	d.holds.Settle(ctx)
	return result, nil
}

// Remove logs name out, then removes its file.
func (d *Daemon) Remove(ctx context.Context, name string) (api.LogoutResult, error) {
	a, err := d.book.Account(ctx, name)
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
	if err := d.book.Remove(ctx, name); err != nil {
		return result, (&api.Error{
			Code:    api.Internal,
			Message: fmt.Sprintf("%s is logged out, but its file could not be removed", name),
			Hint:    "delete " + a.File,
		}).Because(err)
	}
	d.sockets.Settle()
	return result, nil
}
