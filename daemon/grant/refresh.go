package grant

import (
	"context"
	"net/url"
	"strings"

	"oauthd/daemon/account"
)

// Refresh is a refresh request (RFC 6749 §6).
type Refresh struct {
	TokenEndpoint string
	Auth          ClientAuth
	RefreshToken  account.Secret
	// Scopes narrow the token; nil means all that was granted.
	Scopes []string
	// Resource is a resource indicator (RFC 8707 §2.2), Audience a similar parameter of some providers; "" for none.
	Resource string
	Audience string
	// RedirectURI is that of the login if the provider wants it again; else "".
	RedirectURI string
	// Dialect is how the provider answers.
	Dialect Dialect
	// OpenID is that of [Exchange].
	OpenID bool
}

// Refresh asks for a new access token, sending the refresh token once. Errors are *[ProviderError]; along with one the
// response may hold a new refresh token, which still replaces the old one.
func (c *Client) Refresh(ctx context.Context, r Refresh) (Response, error) {
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {r.RefreshToken.Reveal()}}
	setAll(form, "scope", strings.Join(r.Scopes, " "), "resource", r.Resource, "audience", r.Audience, "redirect_uri", r.RedirectURI)
	return c.token(ctx, r.TokenEndpoint, r.Auth, form, r.Dialect, r.OpenID)
}
