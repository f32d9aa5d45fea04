package words

import (
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
	return &api.Error{Code: api.BadRequest, Message: "nothing says which client logs in",
		Hint: "register a native (desktop) client at the provider, then add --client-id ID, or --client-secrets FILE"}
}

// NoMachineClient words a grant without a person that names no client.
func NoMachineClient() *api.Error {
	return &api.Error{Code: api.BadRequest, Message: "nothing says which client the program is",
		Hint: "add --client-id ID with --client-secret-stdin or --key-file FILE"}
}

// NoMachineSecret words a client of a grant without a person that cannot authenticate.
func NoMachineSecret() *api.Error {
	return &api.Error{Code: api.BadRequest, Message: "nothing says by what the program authenticates",
		Hint: "add --client-secret-stdin for its secret, or --key-file FILE for its private key"}
}

// NoPrivateKey words a client whose private key is neither saved nor in a file.
func NoPrivateKey(name string) *api.Error {
	return &api.Error{Code: api.LoginRequired, Message: name + " has no private key",
		Hint: "oauthd login " + name + " --key-file FILE"}
}

// NoAudience words a request for a service account's ID token that names no audience.
func NoAudience() *api.Error {
	return &api.Error{Code: api.BadRequest, Message: "an ID token of a service account is for an audience",
		Hint: "--audience URL names the service that takes it"}
}

// TwoTargets words a request for a Google access token that names scopes and an audience.
func TwoTargets() *api.Error {
	return &api.Error{Code: api.BadRequest, Message: "an access token of Google's is for scopes or for an audience, not for both",
		Hint: "leave out --scope or --audience"}
}

// OnlyIDToken words application default credentials that gave an ID token and no access token.
func OnlyIDToken() *api.Error {
	return &api.Error{Code: api.BadRequest, Message: "an ID token comes along with an access token, and nothing says what that is for",
		Hint: "--scope S says it; scopes in the account's file say it for good"}
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
	switch {
	case errors.Is(err, google.ErrNoDefaultCredentials):
		p.Hint = "gcloud auth application-default login makes them; key_file in the account's file names others"
	case errors.Is(err, google.ErrUntrustedTokenURI):
		p.Hint = "oauthd import KEY.json --trust-endpoint believes it"
	case errors.Is(err, google.ErrNoScopes):
		p.Hint = "--scope or --audience says what a token is for; oauthd login " + a.Name + " --scope S keeps it"
	case a.KeyFile != "":
		p.Hint = "check " + a.KeyFile + " and the account's file, then oauthd reload"
	}
	return p.Because(err)
}
