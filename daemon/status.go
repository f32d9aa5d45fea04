package daemon

import (
	"cmp"
	"context"
	"os"

	"oauthd/daemon/account"
	"oauthd/daemon/book"
	"oauthd/daemon/news"
	"oauthd/daemon/words"
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

// Accounts reports on every account, by name.
func (d *Daemon) Accounts(ctx context.Context) ([]api.Account, error) {
	d.book.Reread(ctx)
	names := d.book.Names()
	all := make([]api.Account, 0, len(names))
	var storeErr error // a store that failed once is not asked again for each account
	for _, name := range names {
		a, ok := d.book.Configured(name)
		if !ok {
			continue
		}
		var f book.Facts
		if storeErr == nil {
			f, storeErr = d.book.Facts(ctx, name)
		} else {
			f, _ = d.book.KnownFacts(name)
		}
		all = append(all, d.describe(a, f, storeErr))
	}
	return all, nil
}

// Account reports on one account.
func (d *Daemon) Account(ctx context.Context, name string) (api.Account, error) {
	a, err := d.book.Account(ctx, name)
	if err != nil {
		return api.Account{}, err
	}
	f, err := d.book.Facts(ctx, name)
	if a.Via != "" {
		_, _ = d.book.Facts(ctx, a.Via) // which say whether it has tokens to give
	}
	return d.describe(a, f, err), nil
}

func (d *Daemon) describe(a account.Account, f book.Facts, storeErr error) api.Account {
	if shut := d.vault.Gate().Err(); shut != nil {
		storeErr = shut
	}
	schedule := d.tokens.Schedule(a.Name)
	out := api.Account{
		Name:            a.Name,
		Provider:        book.ProviderName(a),
		Tenant:          a.Tenant,
		Issuer:          a.Issuer,
		ClientID:        a.ClientID,
		Grant:           string(a.Grant),
		Via:             a.Via,
		State:           api.StateReady,
		Degraded:        d.vault.Degraded(a.Name),
		Refreshing:      schedule.Refreshing,
		Subject:         f.Subject,
		Email:           f.Email,
		ScopesRequested: list(a.Scopes),
		ScopesGranted:   list(f.Scopes),
		ExpiresAt:       api.Moment(schedule.ExpiresAt),
		NextRefreshAt:   api.Moment(schedule.NextRefreshAt),
		Hosts:           a.Hosts,
		File:            a.File,
	}
	end := d.book.Forecast(a, f)
	out.LoginEndsAt, out.LoginEndsReason, out.LoginProlonged = api.Moment(end.At), end.Reason, end.Prolonged
	out.LoginAsked, out.LoginCallers = d.attend.Waiting(a.Name)
	if schedule.LastError != nil {
		out.LastError = api.AsError(words.Token(a, book.ProviderName(a), d.now(), schedule.LastError))
	}
	if p, err := d.book.KnownProvider(a); err == nil {
		out.Issuer = cmp.Or(a.Issuer, p.Issuer)
		if f.LoginScopes != nil {
			out.ScopesLost = p.Covers(f.Scopes, f.LoginScopes)
		}
	}
	usable := !schedule.ExpiresAt.IsZero() && schedule.ExpiresAt.After(d.now())
	switch {
	case storeErr != nil:
		p := d.store.Problem(storeErr)
		out.State, out.LastError = api.StateError, p
		if p.Code == api.KeystoreLocked || p.Code == api.Locked {
			out.State = api.StateLocked
		}
	case !f.MissingSince.IsZero():
		out.State, out.MissingSince = api.StateLoginRequired, api.Moment(f.MissingSince)
		out.LastError = words.NoCredential(a.Name, f.MissingSince)
	case !f.LoggedIn || f.Dead:
		out.State = api.StateLoginRequired
		if f.LoggedIn && out.LastError == nil {
			out.LastError = words.LoginRequired(a.Name, "the provider has ended this login")
		}
	case !f.Ends.IsZero() && !f.Ends.After(d.now()):
		out.State = api.StateLoginRequired
	case a.Via != "" && d.lacksVia(a):
		out.State, out.LastError = api.StateLoginRequired, words.LoginRequiredVia(a)
	case d.book.Rebound(a, f) != "":
		out.State, out.LastError = api.StateLoginRequired, words.LoginRequired(a.Name, d.book.Rebound(a, f))
	case out.LastError != nil && !usable:
		out.State = api.StateError
		if out.LastError.Code == api.LoginRequired {
			out.State = api.StateLoginRequired
		}
	}
	return out
}

// list makes a nil list an empty one, because these fields are always there.
func list(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}
