package narrow

import (
	"oauthd/daemon/account"
	"oauthd/daemon/provider"
	"oauthd/daemon/token"
	"oauthd/daemon/words"
	"oauthd/ipc/api"
)

// exchanges reports whether a narrower token of a may be had for its own token (RFC 8693).
func exchanges(a account.Account, p provider.Provider) bool {
	return a.Grant.Interactive() && (a.TokenExchange || p.Narrowing == provider.NarrowExchange)
}

// exchanged settles whether the token for r is had by an exchange: if it is for an audience or a resource, or for scopes to
// which a refresh is not known to narrow it. It puts into request what that takes.
func (n Narrower) exchanged(a account.Account, r api.TokenRequest, scopes []string, request *token.Request) error {
	key := &request.Key
	target := key.Audience != "" || key.Resource != "" && key.Resource != a.Resource
	if !target && key.Scopes.Empty() {
		return nil // no provider has to be looked up
	}
	p, err := n.Book.KnownProvider(a)
	if err != nil || !exchanges(a, p) || !target && p.Narrowing == provider.NarrowRefresh {
		return err
	}
	if r.IDToken {
		return words.NoExchangedIDToken()
	}
	if len(scopes) > 0 {
		key.Scopes = account.ScopeSetOf(scopes...)
	}
	key.Exchanged = true
	return nil
}
