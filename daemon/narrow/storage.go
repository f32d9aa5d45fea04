package narrow

import (
	"cmp"
	"context"
	"strings"

	"oauthd/daemon/account"
	"oauthd/daemon/grant/google"
	"oauthd/daemon/token"
	"oauthd/daemon/words"
	"oauthd/ipc/api"
)

// bounded reports whether a token of a for audience or resource is one that Google bounds to a part of Cloud Storage.
func bounded(a account.Account, audience, resource string) bool {
	return (account.IsStorage(audience) || account.IsStorage(resource)) && google.Issues(a)
}

// bound puts into request what a bounded token for r takes. Its scopes say what it may do there: to read is what nobody
// has to name.
func (n Narrower) bound(ctx context.Context, a account.Account, r api.TokenRequest, request *token.Request) error {
	storage, err := account.ParseStorage(cmp.Or(r.Resource, r.Audience))
	switch {
	case r.Audience != "" && r.Resource != "":
		return words.TwoStorages()
	case err != nil:
		return words.BadStorage(err)
	case r.IDToken:
		return words.NoExchangedIDToken()
	}
	scopes := strings.Fields(r.Scope)
	storing := google.StorageScopes(scopes)
	if len(storing) < len(scopes) {
		return words.NotOfStorage()
	}
	f, err := n.Book.Facts(ctx, a.Name)
	if err != nil {
		return n.Store.Problem(err)
	}
	granted := a.Granted(f.Scopes)
	needed := storing
	if len(needed) == 0 {
		needed = []string{google.ScopeStorageRead}
	}
	if missing := google.StorageBeyond(granted, needed); f.LoggedIn && len(missing) > 0 {
		return words.ScopeNotGranted(a.Name, missing)
	}
	request.Key.Scopes, request.Key.Resource, request.Key.Exchanged = account.ScopeSetOf(needed...), storage.String(), true
	return nil
}
