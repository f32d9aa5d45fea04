// Package client talks to the oauthd daemon over its Unix socket. Programs use it to get access tokens:
//
//	var c client.Client
//	token, err := c.Token(ctx, api.TokenRequest{Account: "work"})
//
// or, wherever an [oauth2.TokenSource] is taken, [Client.TokenSource].
//
// Every error of the daemon is an *api.Error, so errors.Is(err, &api.Error{Code: api.LoginRequired}) tells what
// happened. A client checks that the daemon it talks to runs as the expected user before it sends anything.
package client
