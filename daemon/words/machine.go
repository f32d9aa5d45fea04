package words

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"oauthd/daemon/account"
	"oauthd/daemon/grant"
	"oauthd/daemon/grant/google"
	"oauthd/ipc/api"
)

// NoClient words a login that names no client.
func NoClient() *api.Error {
	return &api.Error{Code: api.BadRequest, Message: "no client was given",
		Hint: "register a native (desktop) client at the provider, then add --client-id ID, or --client-secrets FILE"}
}

// NoMachineClient words a grant without a person that names no client.
func NoMachineClient() *api.Error {
	return &api.Error{Code: api.BadRequest, Message: "no client was given",
		Hint: "add --client-id ID with --client-secret-stdin or --key-file FILE"}
}

// NoMachineSecret words a client of a grant without a person that cannot authenticate.
func NoMachineSecret() *api.Error {
	return &api.Error{Code: api.BadRequest, Message: "no client secret or private key was given",
		Hint: "add --client-secret-stdin for its secret, or --key-file FILE for its private key"}
}

// NoPrivateKey words a client whose private key is neither saved nor in a file.
func NoPrivateKey(name string) *api.Error {
	return &api.Error{Code: api.LoginRequired, Message: name + " has no private key",
		Hint: "oauthd login " + name + " --key-file FILE"}
}

// NoAudience words a request for a service account's ID token that names no audience.
func NoAudience() *api.Error {
	return &api.Error{Code: api.BadRequest, Message: "a service account's ID token needs an audience",
		Hint: "pass --audience URL, the service that accepts it"}
}

// TwoTargets words a request for a Google access token that names scopes and an audience.
func TwoTargets() *api.Error {
	return &api.Error{Code: api.BadRequest, Message: "a Google access token is for scopes or for an audience, not for both",
		Hint: "leave out --scope or --audience"}
}

// OnlyIDToken words application default credentials that gave an ID token and no access token.
func OnlyIDToken() *api.Error {
	return &api.Error{Code: api.BadRequest, Message: "an ID token comes with an access token, which needs scopes",
		Hint: "pass --scope S, or set scopes in the account's file"}
}

// Machine words a failure of a grant without a person before anybody was asked; the others are worded as any grant's,
// by [Token].
func Machine(a account.Account, err error) error {
	var refused *grant.ProviderError
	var told *api.Error
	if err == nil || errors.As(err, &refused) || errors.As(err, &told) || errors.Is(err, context.Canceled) ||
		errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	p := &api.Error{Code: api.ConfigInvalid, Message: fmt.Sprintf("the credentials of %s: %v", a.Name, api.Foreign(err)),
		Hint: "check what the account's file and the request say; oauthd reload takes a changed file over"}
	var refusedSource *google.NotPermittedError
	switch {
	case errors.As(err, &refusedSource):
		p.Message = fmt.Sprintf("the credentials file of %s cannot be used: its %s", a.Name, refusedSource.Why)
		p.Hint = "if you trust whoever made the file, add to " + cmp.Or(a.File, "the account's file") + ": " + refusedSource.Line
	case errors.Is(err, google.ErrNoDefaultCredentials):
		p.Hint = "gcloud auth application-default login creates them; key_file in the account's file names others"
	case errors.Is(err, google.ErrUntrustedTokenURI):
		p.Hint = "oauthd import KEY.json --trust-endpoint accepts it"
	case errors.Is(err, google.ErrNoScopes):
		p.Hint = "pass --scope or --audience; oauthd login " + a.Name + " --scope S remembers the scope"
	case a.KeyFile != "":
		p.Hint = "check " + a.KeyFile + " and the account's file, then oauthd reload"
	}
	return p.Because(err)
}
