package grant

import (
	"context"
	"net/http"
	"net/url"

	"oauthd/daemon/account"
)

const jwtBearerGrantType = "urn:ietf:params:oauth:grant-type:jwt-bearer"

// JWTBearer is the token request of the JWT bearer grant (RFC 7523 §2.1). No client authenticates.
type JWTBearer struct {
	TokenEndpoint string
	// Claims are those of the assertion, which Key signs.
	Claims map[string]any
	Key    ClientKey
	// IDTokenAlone means that the answer has an ID token instead of an access token, as Google's does if the claims have
	// target_audience.
	IDTokenAlone bool
}

// JWTBearer asks for a token with an assertion. The response has no refresh token, because the assertion can be made
// again (RFC 7521 §4.1). Errors are *[ProviderError], never of kind [LoginRequired], because no login can help; if this
// machine's clock is far from the provider's, they say so.
func (c *Client) JWTBearer(ctx context.Context, r JWTBearer) (Response, error) {
	const op = "token request"
	assertion, err := r.Key.Sign(r.Claims)
	if err != nil {
		return Response{}, &ProviderError{Kind: Configuration, Op: op, Endpoint: place(r.TokenEndpoint), Reason: err.Error()}
	}
	form := url.Values{"grant_type": {jwtBearerGrantType}, "assertion": {assertion.Reveal()}}
	a, fail := c.Send(ctx, Request{
		Op: op, Method: http.MethodPost, Endpoint: r.TokenEndpoint, Header: wants("application/x-www-form-urlencoded"),
		Body: form.Encode(), Secrets: []string{assertion.Reveal()},
	})
	if fail != nil {
		return Response{}, fail
	}
	var resp Response
	if r.IDTokenAlone {
		resp.IDToken, fail = a.IDToken("id_token")
		resp.Token.IDToken, resp.Token.IDTokenExpiry = resp.IDToken, ClaimedExpiry(resp.IDToken)
	} else {
		resp, fail = a.Token(Dialect{})
	}
	if fail != nil {
		return Response{}, a.ofMachine(fail, true)
	}
	resp.RefreshToken = account.Secret{}
	return resp, nil
}
