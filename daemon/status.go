package daemon

import (
	"context"
	"os"

	"oauthd/ipc/api"
)

// Status reports on the daemon, its store and every account.
func (d *Daemon) Status(ctx context.Context) (api.Status, error) {
	accounts, err := d.Accounts(ctx)
	if err != nil {
		return api.Status{}, err
	}
	s := api.Status{
		PID:       os.Getpid(),
		Version:   d.cfg.Version,
		StartedAt: d.started,
		StartedBy: d.cfg.StartedBy,
		Socket:    d.cfg.Socket,
		Proxied:   d.cfg.Proxied,
		Store: api.Store{Backend: d.cfg.Config.Backend, Identity: d.cfg.Config.Identity, Seal: d.cfg.Config.Seal,
			Chosen: d.book.Config().Chosen, State: "ok", Needs: d.vault.Gate().Needs()},
		Accounts:  accounts,
		Questions: d.consent.List().Questions,
	}
	if err = d.vault.Gate().Err(); err == nil {
		err = d.vault.Check(ctx)
	}
	if err != nil {
		p := d.store.Problem(err)
		s.Store.State, s.Store.Detail = "unavailable", p.Message
		if p.Code == api.KeystoreLocked || p.Code == api.Locked {
			s.Store.State = "locked"
		}
	}
	return s, nil
}

// Accounts reports on every account, by name.
func (d *Daemon) Accounts(ctx context.Context) ([]api.Account, error) { return d.standing.All(ctx) }

// Account reports on one account.
func (d *Daemon) Account(ctx context.Context, name string) (api.Account, error) {
	return d.standing.Account(ctx, name)
}
