package google

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"oauthd/daemon/account"
	"oauthd/daemon/grant"
)

const (
	// selfAssertionLife is the longest that Google accepts; selfAssertionBehind is how fast this machine's clock may be.
	selfAssertionLife   = time.Hour
	selfAssertionBehind = time.Minute
)

// These are in errors of [Client.ServiceAccount] and [Client.ApplicationDefault] about a request that was not sent.
var (
	ErrNoScopes          = errors.New("no scopes were asked for")
	ErrUntrustedTokenURI = errors.New("the key file's token_uri is not Google's")
)

// ServiceAccountRequest asks for tokens of a Google service account.
type ServiceAccountRequest struct {
	Account ServiceAccount
	// TokenEndpoint is where assertions go if a person has chosen it; "" means the account's token_uri, which must then
	// pass [TrustedTokenURI].
	TokenEndpoint string
	// AssertionAudience is the aud of these assertions (RFC 7523 §3); "" means the URL they go to.
	AssertionAudience string
	// Scopes are those of the access token; nil for none.
	Scopes []string
	// Subject is the person to act for by domain-wide delegation; "" for the account itself.
	Subject string
	// Audience is whom the ID token is for; without IDToken, whom the access token is for; "" for none.
	Audience string
	// IDToken asks for an ID token for Audience.
	IDToken bool
}

// ServiceAccount gets tokens for a Google service account. With Scopes, an assertion goes to the token endpoint for an
// access token (RFC 7523 §2.1). With IDToken, one with target_audience goes there for an ID token; the response then
// has no access token, unless there are Scopes too, which makes two requests. With Audience only, no request is made:
// the access token is a JWT signed with the account's key, good for an hour.
//
// Errors are *[grant.ProviderError] once the token endpoint was asked, never of kind [grant.LoginRequired], because no
// login can help. If this machine's clock is far from the provider's, they say so. Other errors say what is wrong with
// the request.
func (c Client) ServiceAccount(ctx context.Context, r ServiceAccountRequest) (grant.Response, error) {
	if err := r.check(); err != nil {
		return grant.Response{}, fmt.Errorf("service account: %w", err)
	}
	if len(r.Scopes) == 0 && !r.IDToken {
		return c.selfSigned(r)
	}
	var resp grant.Response
	var err error
	if len(r.Scopes) > 0 {
		resp, err = c.redeem(ctx, r, "scope", strings.Join(r.Scopes, " "))
		if err != nil {
			return grant.Response{}, err
		}
	}
	if r.IDToken {
		alone, err := c.redeem(ctx, r, "target_audience", r.Audience)
		if err != nil {
			return grant.Response{}, err
		}
		resp.IDToken = alone.IDToken
		resp.Token.IDToken, resp.Token.IDTokenExpiry = alone.Token.IDToken, alone.Token.IDTokenExpiry
	}
	return resp, nil
}

func (r ServiceAccountRequest) check() error {
	switch {
	case r.Account.key.IsZero():
		return errors.New("there is no key")
	case len(r.Scopes) == 0 && r.Audience == "":
		return fmt.Errorf("%w, and no audience", ErrNoScopes)
	case r.IDToken && r.Audience == "":
		return errors.New("an ID token needs an audience")
	case r.Audience != "" && !r.IDToken && len(r.Scopes) > 0:
		return errors.New("an access token is for scopes or for an audience, not for both")
	case r.Subject != "" && r.Audience != "":
		return errors.New("a token for an audience is the service account's own; it cannot be for a subject")
	case len(r.Scopes) == 0 && !r.IDToken:
		return nil // nothing is sent
	case r.TokenEndpoint == "" && !TrustedTokenURI(r.Account.TokenURI):
		return fmt.Errorf("%w: it is at %q", ErrUntrustedTokenURI, hostOf(r.Account.TokenURI))
	}
	return nil
}

func hostOf(uri string) string {
	u, err := url.Parse(uri)
	if err != nil {
		return ""
	}
	return u.Host[:min(len(u.Host), 200)]
}

// redeem makes an assertion and redeems it, with one claim besides the usual ones (RFC 7523 §3).
func (c Client) redeem(ctx context.Context, r ServiceAccountRequest, claim, value string) (grant.Response, error) {
	endpoint := cmp.Or(r.TokenEndpoint, r.Account.TokenURI)
	issued := c.Grants.Clock().Add(-selfAssertionBehind)
	claims := map[string]any{
		"iss": r.Account.ClientEmail,
		"aud": cmp.Or(r.AssertionAudience, endpoint),
		"iat": issued.Unix(),
		"exp": issued.Add(selfAssertionLife).Unix(),
		claim: value,
	}
	if r.Subject != "" {
		claims["sub"] = r.Subject
	}
	return c.Grants.JWTBearer(ctx, grant.JWTBearer{
		TokenEndpoint: endpoint, Claims: claims, Key: r.Account.key, IDTokenAlone: claim == "target_audience",
	})
}

// selfSigned makes an access token and signs it with the account's key. A Google service accepts it if it is the
// audience.
func (c Client) selfSigned(r ServiceAccountRequest) (grant.Response, error) {
	if r.Account.KeyID == "" {
		return grant.Response{}, errors.New("service account: the key file has no private_key_id, which a token for an audience needs")
	}
	now := c.Grants.Clock()
	issued := now.Add(-selfAssertionBehind).Truncate(time.Second)
	expiry := issued.Add(selfAssertionLife)
	signed, err := r.Account.key.Sign(map[string]any{
		"iss": r.Account.ClientEmail,
		"sub": r.Account.ClientEmail,
		"aud": r.Audience,
		"iat": issued.Unix(),
		"exp": expiry.Unix(),
	})
	if err != nil {
		return grant.Response{}, fmt.Errorf("service account: %w", err)
	}
	return grant.Response{Token: account.Token{
		Access: signed, Type: "Bearer", Expiry: expiry, Lifetime: expiry.Sub(now),
	}}, nil
}
