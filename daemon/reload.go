package daemon

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"oauthd/daemon/account"
	"oauthd/daemon/config"
	"oauthd/daemon/provider"
	"oauthd/ipc/api"
)

// Reload reads the configuration again and takes it over whole. Where anything is wrong in it everything stays as it
// was, and the error names every mistake with file and line.
func (d *Daemon) Reload(ctx context.Context) (api.ReloadResult, error) {
	read := d.reads.Add(1)
	fresh, err := config.Load(d.cfg.Dir)
	if err != nil {
		who(ctx, d.log.Error()).Err(err).Msg("reload refused, keeping the configuration as it was")
		return api.ReloadResult{}, (&api.Error{
			Code:    api.ConfigInvalid,
			Message: err.Error(),
			Hint:    "nothing was taken over; correct that, then oauthd reload",
		}).Because(err)
	}
	result := d.takeOver(read, fresh, nil)
	if fresh.Backend != d.cfg.Config.Backend {
		result.Warnings = append(result.Warnings, fmt.Sprintf(
			"the store stays %q until the daemon starts anew: oauthd stop, then any command", d.cfg.Config.Backend))
	}
	who(ctx, d.log.Info()).Strs("added", result.Added).Strs("removed", result.Removed).Strs("changed", result.Changed).
		Strs("dropped", result.Dropped).Msg("reload")
	for _, warning := range result.Warnings {
		who(ctx, d.log.Warn()).Msg(warning) // a signal has nobody else to tell
	}
	return result, nil
}

// reread takes in what changed in the files. What is wrong there is kept out, and an account whose file has become
// wrong stays as it was.
func (d *Daemon) reread() {
	read := d.reads.Add(1)
	fresh, err := config.Load(d.cfg.Dir)
	d.takeOver(read, fresh, err)
}

// takeOver makes fresh the configuration, but for the files that mistakes are in. read is the number of the reading
// that fresh comes from: one that was overtaken by a later one changes nothing.
func (d *Daemon) takeOver(read int64, fresh *config.Config, mistakes error) api.ReloadResult {
	d.mu.Lock()
	result := api.ReloadResult{Added: []string{}, Removed: []string{}, Changed: []string{}, Dropped: []string{}}
	if read < d.taken {
		d.mu.Unlock()
		return result
	}
	before := d.config
	news := mistakes != nil && (d.mistakes == nil || mistakes.Error() != d.mistakes.Error())
	next := &config.Config{}
	*next = *fresh
	next.Accounts = maps.Clone(fresh.Accounts)
	keepWrong(d.cfg.Dir, next, before, mistakes)
	next.Backend = before.Backend
	d.config, d.mistakes, d.taken = next, mistakes, read
	d.mu.Unlock()

	compare(&result, before, next)
	for _, name := range result.Dropped {
		was, _ := before.Account(name)
		is, _ := next.Account(name)
		if was.Grant != is.Grant || selfContained(was) != selfContained(is) {
			d.forgetFacts(name) // they are of another kind of credential
		}
		d.tokens.Drop(name)
	}
	for _, name := range slices.Concat(result.Removed, result.Changed, result.Added) {
		d.changed(name)
	}
	if news {
		d.log.Error().Err(mistakes).Msg("configuration is wrong, keeping what was right before")
	}
	return result
}

// keepWrong puts into next what before has from the files that mistakes are in.
func keepWrong(dir string, next, before *config.Config, mistakes error) {
	var invalid *config.Invalid
	if !errors.As(mistakes, &invalid) {
		return
	}
	if invalid.In(config.MainFile(dir)) != nil {
		next.Providers = before.Providers
	}
	for name, a := range before.Accounts {
		if invalid.In(a.File) != nil {
			next.Accounts[name] = a
		}
	}
}

// compare tells how next differs from before.
func compare(result *api.ReloadResult, before, next *config.Config) {
	for _, name := range slices.Sorted(maps.Keys(before.Accounts)) {
		a, ok := next.Account(name)
		switch was, _ := before.Account(name); {
		case !ok:
			result.Removed = append(result.Removed, name)
			result.Dropped = append(result.Dropped, name)
		case !reflect.DeepEqual(bindingOf(before, was), bindingOf(next, a)):
			result.Dropped = append(result.Dropped, name)
			result.Changed = append(result.Changed, name)
		case !reflect.DeepEqual(was, a):
			result.Changed = append(result.Changed, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(next.Accounts)) {
		if _, ok := before.Accounts[name]; !ok {
			result.Added = append(result.Added, name)
		}
	}
}

// binding is what tokens depend on: where they come from, for which client, for what. A person's scopes are not in it,
// because a token has those that were granted, until the next login.
type binding struct {
	provider  string
	table     provider.Provider // of config.toml; zero for a built-in one
	tenant    string
	issuer    string
	endpoints account.Endpoints
	clientID  string
	secret    account.Secret
	grant     account.Grant
	resource  string
	keyFile   string
	keyID     string
	subject   string
	audience  string
	sources   []string
	// scopes are those of a machine grant, which has no login that would settle them.
	scopes []string
}

func bindingOf(c *config.Config, a account.Account) binding {
	b := binding{
		provider: a.Provider, table: c.Providers[a.Provider], tenant: a.Tenant, issuer: a.Issuer, endpoints: a.Endpoints,
		clientID: a.ClientID, secret: a.ClientSecret, grant: a.Grant, resource: a.Resource,
		keyFile: a.KeyFile, keyID: a.KeyID, subject: a.Subject, audience: a.Audience, sources: a.CredentialSources,
	}
	if !a.Grant.Interactive() {
		b.scopes = a.Scopes
	}
	return b
}
