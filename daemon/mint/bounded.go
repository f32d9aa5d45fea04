package mint

import (
	"context"
	"errors"

	"oauthd/daemon/account"
	"oauthd/daemon/book"
	"oauthd/daemon/grant/google"
	"oauthd/daemon/token"
	"oauthd/daemon/vault"
	"oauthd/daemon/words"
)

// bounded exchanges a's own token for one that is good for the part of Cloud Storage that key names.
func (m *Minter) bounded(ctx context.Context, a account.Account, key token.Key, own account.Token) (account.Token, error) {
	storage, err := account.ParseStorage(key.Resource)
	if err != nil {
		return account.Token{}, words.BadStorage(err)
	}
	endpoint, err := m.googleEndpoint(ctx, a)
	if err != nil {
		return account.Token{}, err
	}
	r, err := google.Client{Grants: m.grants}.Bound(ctx, google.Bounded{
		TokenService: google.TokenService(endpoint), Subject: own, Storage: storage, Scopes: key.Scopes.List(),
	})
	if err != nil {
		return account.Token{}, words.Exchange(a, book.ProviderName(a), err)
	}
	return r.Token, nil
}

// googleEndpoint is the token endpoint that a's own tokens are from; "" if it is not known, and so Google's.
func (m *Minter) googleEndpoint(ctx context.Context, a account.Account) (string, error) {
	if a.Grant == account.GrantADC {
		return "", nil
	}
	c, err := m.vault.Load(ctx, a.Name)
	if err != nil && !(a.SelfContained() && errors.Is(err, vault.ErrNoCredential)) {
		return "", m.store.Problem(err)
	}
	if a.Grant != account.GrantServiceAccount {
		return c.TokenEndpoint, nil
	}
	text, err := keyText(a, c.Key)
	if err != nil {
		return "", err
	}
	robot, err := google.ParseServiceAccount([]byte(text.Reveal()))
	if err != nil {
		return "", words.Key(a, err)
	}
	return robot.TokenURI, nil
}
