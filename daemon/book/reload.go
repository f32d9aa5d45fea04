package book

import (
	"context"
	"reflect"

	"oauthd/daemon/account"
	"oauthd/daemon/config"
	"oauthd/daemon/provider"
	"oauthd/ipc/api"
)

// Reload reads the configuration again and takes it over whole. If anything is wrong in it everything stays as it was,
// and the error names every mistake with file and line. backend is the store that the files name now.
func (b *Book) Reload(ctx context.Context) (result api.ReloadResult, backend string, err error) {
	fresh, err := b.reader.Read(ctx)
	if err == nil {
		err = fresh.Err()
	}
	if err != nil {
		return api.ReloadResult{}, "", err
	}
	return b.replace(fresh), fresh.Backend, nil
}

// Reread takes in what changed in the files. What is wrong there is kept out, and an account whose file has become
// wrong stays as it was. If ctx ends first, nothing changes.
func (b *Book) Reread(ctx context.Context) {
	if fresh, err := b.reader.Read(ctx); err == nil {
		b.replace(fresh)
	}
}

// Refresh takes in what changed in the file of the account of that name, whatever the number of accounts.
func (b *Book) Refresh(ctx context.Context, name string) {
	if !b.current().Stale(name) {
		return
	}
	if fresh, err := b.reader.ReadAccount(ctx, name); err == nil {
		b.replace(fresh)
	}
}

// replace makes next, which the reader returned, the configuration, and reports what changed by that.
func (b *Book) replace(next *config.Config) api.ReloadResult {
	result := api.ReloadResult{Added: []string{}, Removed: []string{}, Changed: []string{}, Dropped: []string{}}
	b.mu.Lock()
	before := b.config.Load()
	// A look that began later may have been taken over first.
	if next == before || next.OlderThan(before) {
		b.mu.Unlock()
		return result
	}
	b.config.Store(next)
	b.mu.Unlock()
	if b.cfg.Replaced != nil {
		b.cfg.Replaced()
	}

	for _, name := range next.Changed(before) {
		was, had := before.Account(name)
		is, has := next.Account(name)
		unbound := had && (!has || !reflect.DeepEqual(bindingOf(before, was), bindingOf(next, is)))
		switch {
		case !has:
			result.Removed = append(result.Removed, name)
		case !had:
			result.Added = append(result.Added, name)
		default:
			result.Changed = append(result.Changed, name)
		}
		if unbound {
			result.Dropped = append(result.Dropped, name)
			if was.Grant != is.Grant || was.SelfContained() != is.SelfContained() {
				b.forgetFacts(name) // they describe another kind of credential
			}
		}
		b.cfg.Changed(name, unbound)
	}
	if err := next.Err(); err != nil && (before.Err() == nil || err.Error() != before.Err().Error()) {
		b.cfg.Log.Error().Err(err).Msg("configuration is wrong, keeping what was right before")
	}
	return result
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
	dpop      bool
	exchange  bool
	via       string
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
		clientID: a.ClientID, secret: a.ClientSecret, grant: a.Grant, resource: a.Resource, dpop: a.DPoP,
		exchange: a.TokenExchange, via: a.Via,
		keyFile: a.KeyFile, keyID: a.KeyID, subject: a.Subject, audience: a.Audience, sources: a.CredentialSources,
	}
	if !a.Grant.Interactive() {
		b.scopes = a.Scopes
	}
	return b
}
