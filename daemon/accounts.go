package daemon

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"oauthd/daemon/account"
	"oauthd/daemon/config"
	"oauthd/daemon/vault"
	"oauthd/ipc/api"
)

// account returns the account of that name. An unknown name is answered only after the files have been read again.
func (d *Daemon) account(name string) (account.Account, error) {
	if a, ok := d.configured(name); ok {
		return a, nil
	}
	d.reread()
	if a, ok := d.configured(name); ok {
		return a, nil
	}
	d.mu.Lock()
	mistakes := d.mistakes
	d.mu.Unlock()
	var invalid *config.Invalid
	if errors.As(mistakes, &invalid) {
		if in := invalid.In(config.AccountFile(d.cfg.Dir, name)); in != nil {
			return account.Account{}, configProblem(in)
		}
	}
	return account.Account{}, &api.Error{
		Code:    api.UnknownAccount,
		Message: fmt.Sprintf("there is no account %q", name),
		Hint:    fmt.Sprintf("oauthd accounts lists them; oauthd login %s makes it", name),
	}
}

func (d *Daemon) configured(name string) (account.Account, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.config.Account(name)
}

// Accounts tells about every account, by name.
func (d *Daemon) Accounts(ctx context.Context) ([]api.Account, error) {
	d.reread()
	d.mu.Lock()
	names := slices.Sorted(maps.Keys(d.config.Accounts))
	d.mu.Unlock()
	all := make([]api.Account, 0, len(names))
	var storeErr error // a store that failed once is not asked again for each account
	for _, name := range names {
		a, ok := d.configured(name)
		if !ok {
			continue
		}
		var f facts
		if storeErr == nil {
			f, storeErr = d.facts(ctx, name)
		} else {
			f, _ = d.knownFacts(name)
		}
		all = append(all, d.describe(a, f, storeErr))
	}
	return all, nil
}

// Account tells about one account.
func (d *Daemon) Account(ctx context.Context, name string) (api.Account, error) {
	a, err := d.account(name)
	if err != nil {
		return api.Account{}, err
	}
	f, err := d.facts(ctx, name)
	return d.describe(a, f, err), nil
}

func (d *Daemon) knownFacts(name string) (facts, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f, ok := d.known[name]
	return f, ok
}

// facts returns what is known of name's credential, from the store the first time.
func (d *Daemon) facts(ctx context.Context, name string) (facts, error) {
	if f, ok := d.knownFacts(name); ok {
		return f, nil
	}
	if a, ok := d.configured(name); ok && selfContained(a) {
		return facts{loggedIn: true}, nil
	}
	if err := d.locked(); err != nil {
		return facts{}, err
	}
	// Without the record's lock, which a refresh may hold for as long as its provider takes.
	c, err := d.vault.Load(ctx, name)
	var f facts
	switch {
	case err == nil:
		f = factsOf(c)
	case !errors.Is(err, vault.ErrNoCredential):
		return facts{}, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if newer, ok := d.known[name]; ok {
		return newer, nil
	}
	d.known[name] = f
	return f, nil
}

// forgetFacts has the store asked again about name's credential.
func (d *Daemon) forgetFacts(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.known, name)
}

func (d *Daemon) setFacts(name string, f facts) {
	d.mu.Lock()
	d.known[name] = f
	d.mu.Unlock()
	d.changed(name)
}

func (d *Daemon) describe(a account.Account, f facts, storeErr error) api.Account {
	if err := d.locked(); err != nil {
		storeErr = err
	}
	schedule := d.tokens.Schedule(a.Name)
	out := api.Account{
		Name:            a.Name,
		Provider:        d.providerName(a),
		Tenant:          a.Tenant,
		Issuer:          a.Issuer,
		ClientID:        a.ClientID,
		Grant:           string(a.Grant),
		State:           api.StateReady,
		Degraded:        d.vault.Degraded(a.Name),
		Refreshing:      schedule.Refreshing,
		Subject:         f.subject,
		Email:           f.email,
		ScopesRequested: list(a.Scopes),
		ScopesGranted:   list(f.scopes),
		ExpiresAt:       moment(schedule.ExpiresAt),
		NextRefreshAt:   moment(schedule.NextRefreshAt),
		File:            a.File,
	}
	end := d.forecast(a, f)
	out.LoginEndsAt, out.LoginEndsReason, out.LoginProlonged = moment(end.at), end.reason, end.prolonged
	if schedule.LastError != nil {
		out.LastError = api.AsError(d.providerProblem(a, schedule.LastError))
	}
	usable := !schedule.ExpiresAt.IsZero() && schedule.ExpiresAt.After(d.now())
	switch {
	case storeErr != nil:
		p := d.storeProblem(storeErr)
		out.State, out.LastError = api.StateError, p
		if p.Code == api.KeystoreLocked || p.Code == api.Locked {
			out.State = api.StateLocked
		}
	case !f.loggedIn || f.dead:
		out.State = api.StateLoginRequired
		if f.loggedIn && out.LastError == nil {
			out.LastError = d.loginRequired(a, "the provider has ended this login")
		}
	case !f.ends.IsZero() && !f.ends.After(d.now()):
		out.State = api.StateLoginRequired
	case d.moved(a, f) != "":
		out.State, out.LastError = api.StateLoginRequired, d.loginRequired(a, d.moved(a, f))
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
