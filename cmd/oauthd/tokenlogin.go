package main

import (
	"context"
	"errors"
	"time"

	"oauthd/ipc/api"
)

// needsLogin reports whether a login is what err wants.
func needsLogin(err error) bool {
	return errors.Is(err, &api.Error{Code: api.LoginRequired}) || errors.Is(err, &api.Error{Code: api.ScopeNotGranted})
}

// loginNow runs the account's ordinary login, with scopes added to it, if a person is at the terminal; else it returns
// why, which is what the token's request said. Standard output remains for the token.
func loginNow(ctx context.Context, std stdio, name string, why error, scopes []string) error {
	if !isTerminal(std.in) || !isTerminal(std.err) {
		return why
	}
	say(std.err, "%v\n", why)
	std.out = std.err
	const patience = 5 * time.Minute
	return login(ctx, std, name, api.AccountDefinition{Scopes: scopes, Timeout: int64(patience / time.Second)}, loginFlags{timeout: patience})
}
