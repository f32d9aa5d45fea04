package grant

import (
	"context"
	"net/url"
	"strings"

	"oauthd/daemon/account"
)

// Exchange is the token request of the authorization code grant (RFC 6749 §4.1.3) with PKCE (RFC 7636 §4.5).
type Exchange struct {
	TokenEndpoint string
	Auth          ClientAuth
	Code          account.Secret
	Verifier      account.Secret
	// RedirectURI is that of the authorization request, byte for byte.
	RedirectURI string
	// Scopes are for providers whose tokens cover only some of what was consented to; nil for none.
	Scopes []string
	// Resource is a resource indicator (RFC 8707 §2.2); "" for none.
	Resource string
	// Dialect is how the provider answers.
	Dialect Dialect
	// OpenID is true if openid is among the scopes asked for: the response then has the ID token as it came, for the
	// caller to verify. Otherwise an ID token that is not a JWT is ignored, with a warning.
	OpenID bool
}

// Exchange redeems a code, once: a code is spent by the first request that reaches the provider. Errors are
// *[ProviderError]; along with one the response may hold a refresh token.
func (c *Client) Exchange(ctx context.Context, x Exchange) (Response, error) {
	form := url.Values{
		"grant_type":    {"authorization_code"},
		"code":          {x.Code.Reveal()},
		"redirect_uri":  {x.RedirectURI},
		"code_verifier": {x.Verifier.Reveal()},
	}
	setAll(form, "scope", strings.Join(x.Scopes, " "), "resource", x.Resource)
	return c.token(ctx, x.TokenEndpoint, x.Auth, form, x.Dialect, x.OpenID)
}

// setAll sets parameters, given as name, value, name, value; it leaves out those with an empty value.
func setAll(form url.Values, pairs ...string) {
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			form.Set(pairs[i], pairs[i+1])
		}
	}
}
