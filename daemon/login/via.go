package login

import (
	"context"

	"oauthd/daemon/account"
	"oauthd/daemon/book"
	"oauthd/daemon/mint"
	"oauthd/daemon/words"
	"oauthd/ipc/api"
)

// applyVia brings in whose login is exchanged for the account's tokens. Another grant ends that.
func applyVia(a *account.Account, def api.AccountDefinition, _ *mint.Given) error {
	if def.Via == "" {
		if a.Grant != account.GrantIdentityAssertion {
			a.Via = ""
		}
		return nil
	}
	if def.Grant != "" && a.Grant != account.GrantIdentityAssertion {
		return bad("an account whose tokens come via another one has no other grant")
	}
	if err := account.CheckName(def.Via); err != nil {
		return bad("via: %v", err)
	}
	a.Grant, a.Via = account.GrantIdentityAssertion, def.Via
	return nil
}

// checkVia returns what is wrong with the account that a's tokens come from.
func (l *Logins) checkVia(a account.Account) error {
	if a.Grant != account.GrantIdentityAssertion {
		return nil
	}
	of, ok := l.book.Configured(a.Via)
	switch {
	case a.Via == "":
		return bad("the grant identity_assertion needs an account whose login it exchanges: --via NAME")
	case !ok:
		return words.UnknownAccount(a.Via)
	case !of.Grant.Interactive() || of.Name == a.Name:
		return bad("%s has no login of its own that could be exchanged", a.Via)
	case a.Issuer == "" && a.Provider == "":
		return bad("the assertion is for one server: --issuer URL names it, or --resource URL, which says where it is")
	}
	return nil
}

// pinVia has a's file say how its client authenticates if a secret or a key came along for the store: without that line the
// client is a public one, of which nothing is stored.
func (l *Logins) pinVia(ctx context.Context, a *account.Account, with mint.Given) error {
	stored := !with.Secret.IsZero() || !with.Key.IsZero()
	if a.Grant != account.GrantIdentityAssertion || a.Endpoints.AuthMethod != "" || !stored {
		return nil
	}
	p, err := l.book.Resolve(ctx, *a, false)
	if err != nil {
		return words.Discovery(book.ProviderName(*a), err)
	}
	method, err := p.PinAuthMethod(!with.Secret.IsZero(), !with.Key.IsZero(), "")
	if err != nil {
		return bad("the client: %v", err)
	}
	a.Endpoints.AuthMethod = string(method)
	return nil
}
