package login

import (
	"cmp"
	"context"
	"time"

	"oauthd/daemon/account"
	"oauthd/daemon/book"
	"oauthd/daemon/grant"
	"oauthd/daemon/grant/google"
	"oauthd/daemon/mint"
	"oauthd/daemon/token"
	"oauthd/daemon/words"
	"oauthd/ipc/api"
)

// applyMachine brings into a what only grants without a person have.
func applyMachine(a *account.Account, def api.AccountDefinition, with *mint.Given) error {
	a.Subject, a.Audience = cmp.Or(def.Subject, a.Subject), cmp.Or(def.Audience, a.Audience)
	switch {
	case !a.Grant.HasClient() && ofClient(def):
		return words.BadRequest(words.Quoting("a %s account has no provider, client or redirect to name", a.Grant), "leave out what names one")
	case a.Subject != "" && a.Grant != account.GrantServiceAccount:
		return words.BadRequest("a subject is for a service account", "--grant service_account")
	case a.Audience != "" && a.Grant.Interactive():
		return words.BadRequest("an audience is for grants without a person", "--auth-param audience=… where the provider has such a parameter")
	case def.Key != "" && a.Grant == account.GrantADC:
		return words.BadRequest("application default credentials bring their own key", "--grant service_account with --key-file")
	case def.KeyID != "" && def.Key == "":
		return words.BadRequest("a key id names a key, and there is none", "--key-file FILE")
	case def.Key == "":
		return nil
	}
	a.KeyFile, a.KeyID = "", ""
	if a.Grant == account.GrantServiceAccount {
		key, err := google.ParseServiceAccount([]byte(def.Key))
		if err != nil {
			return words.Key(*a, err)
		}
		with.Key = key.Text()
		return nil
	}
	key, err := grant.ParseClientKey([]byte(def.Key), def.KeyID)
	if err != nil {
		return words.Key(*a, err)
	}
	with.Key = key.Text()
	return nil
}

// ofClient reports whether def says something of a provider, a client, or how that asks.
func ofClient(def api.AccountDefinition) bool {
	return def.Provider != "" || def.Issuer != "" || def.Tenant != "" || def.ClientID != "" || def.ClientSecret != "" ||
		def.ClientSecrets != "" || def.RedirectURI != "" || def.Resource != "" || len(def.AuthParams) > 0
}

// useServiceAccount settles which service account's key is tried: the one that came with the login, else the saved one.
func (t *attempt) useServiceAccount(with mint.Given) error {
	t.Provider = book.MachineProvider(t.Account)
	t.Asked = t.Account.Scopes
	if t.Key = with.Key; t.Key.IsZero() {
		t.Key = t.Before.Key
	}
	if t.Key.IsZero() {
		return &api.Error{Code: api.BadRequest, Message: "no service account was given",
			Hint: "--key-file FILE takes the JSON key that Google gave for it"}
	}
	return nil
}

// TryMachine tries a grant without a person out, and commits what it takes, if slot still is the account's login.
func (l *Logins) TryMachine(ctx context.Context, slot *Slot, o Outcome) (done api.LoginEvent, err error) {
	t := &finish{Logins: l, Outcome: o, slot: slot}
	a := o.Account
	c := account.Credential{ClientID: o.Auth.ID, AuthMethod: string(o.Auth.Method), ClientSecret: o.Auth.Secret, Key: o.Key}
	c.ProofKey = o.Auth.ProofKey.Text()
	if a.SelfContained() {
		if c, t.Provider, err = l.mint.FromFiles(ctx, a); err != nil {
			return done, t.Words().Cause(ctx, err)
		}
	} else if a.Grant.HasClient() {
		c.Issuer, c.TokenEndpoint = t.Provider.Issuer, t.Provider.Endpoints.Token
	}
	got, err := l.mint.Ask(ctx, a, token.Key{Account: a.Name}, c, t.Provider)
	if err != nil {
		return done, t.Words().Cause(ctx, words.Token(a, book.ProviderName(a), l.now(), err))
	}
	c.Scopes, c.Email = got.Token.Scopes, got.Email
	c.LoggedInAt = l.now().UTC().Truncate(time.Second)
	if err := t.commit(ctx, c, got.Token); err != nil {
		return done, err
	}
	t.warn(c, got.Token)
	return api.LoginEvent{
		Event:         api.EventDone,
		Email:         c.Email,
		Provider:      t.Provider.Name,
		Grant:         string(a.Grant),
		ScopesGranted: c.Scopes,
		ScopesDenied:  t.Provider.Covers(c.Scopes, a.Scopes),
		Warnings:      t.warnings,
	}, nil
}
