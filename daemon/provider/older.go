package provider

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"oauthd/daemon/account"
)

// Origin returns the scheme, host and port of a URL, "" if it is none.
func Origin(address string) string {
	u, err := parseURL(address)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// DiscoverOrigin reads the metadata of the authorization server that is on the same host as a resource which does not say where
// its tokens come from, as clients of MCP's revision 2025-03-26 do. origin stands for its issuer. Unlike [Discover] it takes a
// document of another issuer, provided that this is on the same origin, which has published it. If there is no document, the
// endpoints are where that revision puts them, PKCE with S256 goes without saying, and [Provider.Supposed] is true. Errors are
// those of Discover.
func DiscoverOrigin(ctx context.Context, client *http.Client, origin string) (Provider, error) {
	p, err := Discover(ctx, client, origin)
	var mismatch *IssuerMismatchError
	switch {
	case errors.As(err, &mismatch) && Origin(mismatch.Got) == origin && CheckIssuer(mismatch.Got) == nil:
		if p, err = discover(ctx, client, mismatch.Got, []string{mismatch.URL}); err != nil {
			return Provider{}, err
		}
		p.Issuer = origin
	case errors.Is(err, ErrNoDiscovery):
		_, name, _ := strings.Cut(origin, "://")
		return Provider{
			Name: name, Supposed: true, ChallengeMethods: []string{"S256"},
			Row: Row{
				Issuer: origin, RegistrationEndpoint: origin + "/register",
				Endpoints: account.Endpoints{Authorization: origin + "/authorize", Token: origin + "/token"},
			},
		}, nil
	}
	return p, err
}
