package takeover

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"

	"oauthd/daemon/grant"
	"oauthd/daemon/mint"
	"oauthd/daemon/words"
	"oauthd/ipc/api"
	"oauthd/ipc/own"
)

// prove spends the refresh token once. The response has the refresh token to save, next to an error too. Each request
// has a time limit of its own, and ctx should have none: what the provider has done must become known.
func (t *takeover) prove(ctx context.Context) (grant.Response, error) {
	return t.mint.Spend(ctx, mint.Spending{
		Account:       t.out.Account.Name,
		Provider:      t.out.Provider,
		TokenEndpoint: t.out.Provider.Endpoints.Token,
		Auth:          t.out.Auth,
		RefreshToken:  t.found.RefreshToken,
		Scopes:        mint.OneResource(t.out.Provider, t.out.Asked),
		Resource:      t.out.Account.Resource,
		RedirectURI:   t.out.RedirectURI,
		OpenID:        slices.Contains(t.out.Asked, "openid"),
		Answered: func(r grant.Response, _ error) {
			// A new token is the only valid one.
			t.out.Irreplaceable = !r.RefreshToken.Equal(t.found.RefreshToken)
		},
	})
}

// words returns the sentences about the import.
func (t *takeover) words() words.Import {
	return words.Import{Provider: t.out.Provider.Name, LoginLine: t.loginLine()}
}

// loginLine is the command that logs in what could not be imported.
func (t *takeover) loginLine() string {
	line := "oauthd login " + t.out.Account.Name
	if t.known {
		return line
	}
	if t.out.Account.Provider != "" {
		line += " --provider " + t.out.Account.Provider
	} else if t.out.Account.Issuer != "" {
		line += " --issuer " + t.out.Account.Issuer
	}
	line += " --client-id " + t.out.Auth.ID
	if !t.out.Auth.Secret.IsZero() {
		line += " --client-secret-stdin"
	}
	for _, scope := range t.out.Account.Scopes {
		line += " --scope " + scope
	}
	return line
}

// writable reports, before the refresh token is spent, whether the account's file can be written, if that is the
// daemon's to do.
func (t *takeover) writable() error {
	if !t.out.Account.Managed {
		return nil
	}
	file := t.book.File(t.out.Account.Name)
	dir, err := own.Open(filepath.Dir(file))
	if errors.Is(err, fs.ErrNotExist) {
		dir, err = own.Open(filepath.Dir(filepath.Dir(file)))
	}
	if err == nil {
		defer dir.Close()
		err = dir.Writable()
	}
	if err == nil || errors.Is(err, fs.ErrNotExist) { // the directory is made with the file
		return nil
	}
	return (&api.Error{Code: api.ConfigInvalid, Message: file + " cannot be written, so nothing was imported",
		Hint: "make that directory writable, then try again"}).Because(err)
}
