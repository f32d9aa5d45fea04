package main

import (
	"context"
	"errors"
	"strings"
	"time"

	"oauthd/cmd/oauthd/screen"
	"oauthd/ipc/api"
	"oauthd/ipc/client"
)

// needsLogin reports whether a login is what err wants.
func needsLogin(err error) bool {
	return errors.Is(err, &api.Error{Code: api.LoginRequired}) || errors.Is(err, &api.Error{Code: api.ScopeNotGranted})
}

// loginNow has a person log in, because of why. At a terminal that is the account's ordinary login, with the request's
// scopes added to it, and standard output remains for the token. Anywhere else the daemon asks a person if it can, and
// one question is enough for all that wait.
func loginNow(ctx context.Context, std stdio, c *client.Client, r api.TokenRequest, why error) error {
	if !screen.IsTerminal(std.in) || !screen.IsTerminal(std.err) {
		r.Interactive, r.Force = true, false
		_, err := c.Token(ctx, r)
		return err
	}
	screen.Say(std.err, "%v\n", why)
	std.out = std.err
	const patience = 5 * time.Minute
	def := api.AccountDefinition{Scopes: strings.Fields(r.Scope), Timeout: int64(patience / time.Second)}
	return logIn(ctx, std, r.Account, def, loginFlags{timeout: patience})
}
