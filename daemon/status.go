package daemon

import (
	"context"
	"os"

	"oauthd/daemon/news"
	"oauthd/daemon/vault"
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
		Store:     api.Store{Backend: d.cfg.Config.Backend, State: "ok", Needs: d.vault.Gate().Needs()},
		Accounts:  accounts,
	}
	err = vault.ErrShut
	if !d.vault.Gate().Locked() {
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

// watched is where the news look accounts up.
type watched struct{ d *Daemon }

var _ news.Accounts = watched{}

// Names implements [news.Accounts].
func (w watched) Names() []string { return w.d.book.Names() }

// Look implements [news.Accounts].
func (w watched) Look(ctx context.Context, name string) ([]api.Account, error) {
	if name == "" {
		return w.d.Accounts(ctx)
	}
	a, err := w.d.Account(ctx, name)
	return []api.Account{a}, err
}

// Learn implements [news.Accounts].
func (w watched) Learn(ctx context.Context, name string) error {
	_, err := w.d.book.Facts(ctx, name)
	return err
}

// Known implements [news.Accounts].
func (w watched) Known(name string, storeErr error) (a api.Account, known, exists bool) {
	c, exists := w.d.book.Configured(name)
	if !exists {
		return a, false, false
	}
	f, known := w.d.book.KnownFacts(name)
	if known {
		storeErr = nil
	} else if storeErr == nil {
		return a, false, true
	}
	return w.d.describe(c, f, storeErr), known, true
}
