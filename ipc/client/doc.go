// Package client talks to the oauthd daemon over its Unix socket. Programs use it to get access tokens:
//
//	var c client.Client
//	token, err := c.Token(ctx, api.TokenRequest{Account: "work"})
//
// An HTTP client that needs no more attention is had from [Client.Transport]:
//
//	web := &http.Client{Transport: c.Transport(api.TokenRequest{Account: "work"}, nil)}
//
// and [Client.TokenSource] fits wherever an [oauth2.TokenSource] is taken: Google's API clients, gRPC.
//
// Options of a request are fields of [api.TokenRequest]; its zero fields mean "as usual".
//
// Every error of the daemon is an *api.Error, and errors.Is(err, client.ErrLoginRequired), or another of this package's
// errors, says what happened. A client checks that the daemon it talks to runs as the expected user before it sends
// anything.
package client
