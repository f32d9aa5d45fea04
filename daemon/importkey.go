package daemon

import (
	"context"
	"errors"
	"fmt"

	"oauthd/daemon/account"
	"oauthd/daemon/grant"
	"oauthd/daemon/grant/google"
	"oauthd/ipc/api"
)

// placeKey reads a service account's key and settles where its tokens come from. The key's word on that is believed as a
// token endpoint's is.
func (t *takeover) placeKey() error {
	key, err := google.ParseServiceAccount([]byte(t.found.Key.Reveal()))
	if err != nil {
		return (&api.Error{Code: api.ConfigInvalid, Message: "the service account's key: " + err.Error(),
			Hint: "download a new key"}).Because(err)
	}
	if !google.TrustedTokenURI(key.TokenURI) {
		t.found.Doubt = hostOf(key.TokenURI)
		if !t.request.TrustEndpoint {
			return t.doubted("--trust-endpoint believes it")
		}
		t.account.Endpoints = account.Endpoints{Token: key.TokenURI}
	}
	t.key = key.Text()
	t.provider = machineProvider(t.account)
	t.provider.Endpoints.Token = key.TokenURI
	t.scopes = t.account.Scopes
	if len(t.scopes) == 0 && t.account.Audience == "" {
		return &api.Error{Code: api.BadRequest, Message: "nothing says what the service account's tokens are for",
			Hint: "--scope S says it; it may be repeated"}
	}
	return nil
}

// proveKey gets one token with the key, and keeps the key. A key is not spent, so that whoever goes away stops this.
func (t *takeover) proveKey(ctx context.Context) (api.LoginEvent, error) {
	ctx, cancel := context.WithTimeout(ctx, exchangeTimeout)
	defer cancel()
	done, err := t.viaMachine(ctx, func(api.LoginEvent) {})
	var refused *grant.ProviderError
	if errors.As(err, &refused) && refused.Kind != grant.Transient {
		return done, (&api.Error{
			Code:    api.ProviderRejected,
			Message: fmt.Sprintf("%s does not take this key (%s); nothing was imported, and the file is as it was", t.provider.Name, said(refused)),
			Hint:    "check that the key has not been deleted, that the scopes are right, and this machine's clock",
		}).Because(refused)
	}
	return done, err
}
