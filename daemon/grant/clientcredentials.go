package grant

import (
	"context"
	"net/url"
	"strings"

	"oauthd/daemon/account"
	"oauthd/daemon/provider"
)

// ClientCredentials is the token request of the client credentials grant (RFC 6749 §4.4.2): a program's own access.
type ClientCredentials struct {
	TokenEndpoint string
	// Auth must authenticate: the grant is for confidential clients only (RFC 6749 §4.4).
	Auth ClientAuth
	// Scopes are what to ask for; nil lets the provider choose.
	Scopes []string
	// Resource is a resource indicator (RFC 8707 §2.2), Audience a similar parameter of some providers; "" for none.
	Resource string
	Audience string
	Dialect  Dialect
}

// ClientCredentials asks for an access token. The response has no refresh token: the request can be made again, so if
// the provider sends one anyway (RFC 6749 §4.4.3) it is dropped. Errors are *[ProviderError], never of kind
// [LoginRequired], because no login can help.
func (c *Client) ClientCredentials(ctx context.Context, r ClientCredentials) (Response, error) {
	const op = "token request"
	if r.Auth.Method == provider.AuthNone {
		return Response{}, &ProviderError{
			Kind: Configuration, Op: op, Endpoint: place(r.TokenEndpoint),
			Reason: "the client_credentials grant needs a client secret or a private key, and there is none",
		}
	}
	form := url.Values{"grant_type": {"client_credentials"}}
	setAll(form, "scope", strings.Join(r.Scopes, " "), "resource", r.Resource, "audience", r.Audience)
	a, fail := c.ask(ctx, op, r.TokenEndpoint, r.Auth, form)
	if fail != nil {
		return Response{}, fail
	}
	resp, fail := a.Token(r.Dialect)
	if fail != nil {
		return Response{}, a.ofMachine(fail, r.Auth.Method == provider.AuthPrivateKeyJWT)
	}
	resp.RefreshToken = account.Secret{}
	return resp, nil
}
