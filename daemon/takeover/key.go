package takeover

import (
	"context"

	"oauthd/daemon/account"
	"oauthd/daemon/book"
	"oauthd/daemon/grant/google"
	"oauthd/daemon/login"
	"oauthd/ipc/api"
)

// placeKey reads a service account's key and settles where its tokens come from. The key's word on that is believed as a
// token endpoint's is.
func (t *takeover) placeKey() error {
	key, err := google.ParseServiceAccount([]byte(t.found.Key.Reveal()))
	if err != nil {
		return (&api.Error{Code: api.ConfigInvalid, Message: "the service account's key: " + api.Excerpt(err.Error()),
			Hint: "download a new key"}).Because(err)
	}
	if !google.TrustedTokenURI(key.TokenURI) {
		t.found.Doubt = hostOf(key.TokenURI)
		if !t.request.TrustEndpoint {
			return t.doubted("--trust-endpoint accepts it")
		}
		t.out.Account.Endpoints = account.Endpoints{Token: key.TokenURI}
	}
	t.out.Key = key.Text()
	t.out.Provider = book.MachineProvider(t.out.Account)
	t.out.Provider.Endpoints.Token = key.TokenURI
	t.out.Asked = t.out.Account.Scopes
	if len(t.out.Asked) == 0 && t.out.Account.Audience == "" {
		return &api.Error{Code: api.BadRequest, Message: "the service account's tokens need scopes or an audience",
			Hint: "pass --scope S; it may be repeated"}
	}
	return nil
}

// proveKey gets one token with the key, and keeps the key. A key is not spent, so that whoever goes away stops this.
func (t *takeover) proveKey(ctx context.Context) (api.LoginEvent, error) {
	ctx, cancel := context.WithTimeout(ctx, login.ExchangeTimeout)
	defer cancel()
	done, err := t.logins.TryMachine(ctx, t.slot, t.out)
	return done, t.words().KeyRefused(err)
}
