package ipc

import (
	"context"

	"oauthd/ipc/api"
)

// Accounts lists, shows and forgets accounts. All names it is given are well formed.
type Accounts interface {
	// Accounts returns all accounts, by name.
	Accounts(ctx context.Context) ([]api.Account, error)
	// Account returns one account.
	Account(ctx context.Context, name string) (api.Account, error)
	// Remove logs the account out, then removes its file.
	Remove(ctx context.Context, name string) (api.LogoutResult, error)
	// Logout revokes the grant at the provider and forgets the credential.
	Logout(ctx context.Context, name string) (api.LogoutResult, error)
}

func (sv *serving) accountRoutes() []route {
	if sv.cfg.Backend.Accounts == nil {
		return nil
	}
	return []route{
		{method: "GET", path: api.PathAccounts, serve: sv.getAccounts},
		{method: "GET", path: api.PathAccount, serve: sv.getAccount},
		{method: "DELETE", path: api.PathAccount, serve: sv.deleteAccount},
		{method: "POST", path: api.PathLogout, serve: sv.postLogout},
	}
}

func (sv *serving) getAccounts(ctx context.Context, c *call) error {
	all, err := sv.cfg.Backend.Accounts.Accounts(ctx)
	return c.answer(orEmpty(all), err)
}

func (sv *serving) getAccount(ctx context.Context, c *call) error {
	a, err := sv.cfg.Backend.Accounts.Account(ctx, c.account)
	return c.answer(a, err)
}

func (sv *serving) deleteAccount(ctx context.Context, c *call) error {
	result, err := sv.cfg.Backend.Accounts.Remove(ctx, c.account)
	return c.answer(result, err)
}

func (sv *serving) postLogout(ctx context.Context, c *call) error {
	result, err := sv.cfg.Backend.Accounts.Logout(ctx, c.account)
	return c.answer(result, err)
}
