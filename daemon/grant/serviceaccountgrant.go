package grant

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"oauthd/daemon/account"
)

const (
	// selfAssertionLife is the longest that Google takes; selfAssertionBehind lets this machine's clock be fast by that.
	selfAssertionLife   = time.Hour
	selfAssertionBehind = time.Minute
)

// What is wrong with a request for which nobody was asked, in the errors of [Client.ServiceAccount] and
// [Client.ApplicationDefault].
var (
	ErrNoScopes          = errors.New("no scopes are asked for")
	ErrUntrustedTokenURI = errors.New("the key file's token_uri is not Google's")
)

// ServiceAccountRequest asks for tokens of a Google service account.
type ServiceAccountRequest struct {
	Account ServiceAccount
	// TokenEndpoint is where assertions go, when a person has chosen it; "" means the account's token_uri, which must then
	// pass [TrustedTokenURI].
	TokenEndpoint string
	// AssertionAudience is the aud of these assertions (RFC 7523 §3); "" means the URL they go to.
	AssertionAudience string
	// Scopes are those of the access token; nil for none.
	Scopes []string
	// Subject is the person to act for by domain-wide delegation; "" for the account itself.
	Subject string
	// Audience is whom the ID token is for, or, without IDToken, the access token; "" for none.
	Audience string
	// IDToken asks for an ID token for Audience.
	IDToken bool
}

// ServiceAccount gets tokens for a Google service account. With Scopes, an assertion goes to the token endpoint for an
// access token (RFC 7523 §2.1). With IDToken, one with target_audience goes there for an ID token; the response then has
// no access token, unless there are Scopes too, which makes two requests. With Audience alone no request is made: the
// access token is a JWT that the account's key has signed, good for an hour.
//
// Errors are *[ProviderError] once the token endpoint was asked, never of kind [LoginRequired], because no login can help.
// Where this machine's clock is far from the provider's, they say so. Other errors say what is wrong with the request.
func (c *Client) ServiceAccount(ctx context.Context, r ServiceAccountRequest) (Response, error) {
	if err := r.check(); err != nil {
		return Response{}, fmt.Errorf("service account: %w", err)
	}
	if len(r.Scopes) == 0 && !r.IDToken {
		return c.selfSigned(r)
	}
	var resp Response
	var err error
	if len(r.Scopes) > 0 {
		resp, err = c.assertedAccess(ctx, r)
		if err != nil {
			return Response{}, err
		}
	}
	if r.IDToken {
		idToken, err := c.assertedIDToken(ctx, r)
		if err != nil {
			return Response{}, err
		}
		resp.IDToken, resp.Token.IDToken, resp.Token.IDTokenExpiry = idToken, idToken, claimedExpiry(idToken)
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

// assertedAccess redeems an assertion for an access token.
func (c *Client) assertedAccess(ctx context.Context, r ServiceAccountRequest) (Response, error) {
	a, fail := c.sendAssertion(ctx, r, "scope", strings.Join(r.Scopes, " "))
	if fail != nil {
		return Response{}, fail
	}
	resp, fail := a.token(Dialect{})
	if fail != nil {
		return Response{}, a.ofMachine(fail, true)
	}
	resp.RefreshToken = account.Secret{} // RFC 7521 §4.1: the assertion can be made again
	return resp, nil
}

// assertedIDToken redeems an assertion for an ID token, which Google gives in an answer without access token.
func (c *Client) assertedIDToken(ctx context.Context, r ServiceAccountRequest) (account.Secret, error) {
	a, fail := c.sendAssertion(ctx, r, "target_audience", r.Audience)
	if fail != nil {
		return account.Secret{}, fail
	}
	idToken, fail := a.idTokenAlone("id_token")
	if fail != nil {
		return account.Secret{}, a.ofMachine(fail, true)
	}
	return idToken, nil
}

// sendAssertion makes an assertion with one claim of the request's and sends it (RFC 7523 §2.1, §3).
func (c *Client) sendAssertion(ctx context.Context, r ServiceAccountRequest, claim, value string) (answer, *ProviderError) {
	const op = "token request"
	endpoint := cmp.Or(r.TokenEndpoint, r.Account.TokenURI)
	issued := c.now().Add(-selfAssertionBehind)
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
	assertion, err := r.Account.key.sign(claims)
	if err != nil {
		return answer{}, &ProviderError{Kind: Configuration, Op: op, Endpoint: place(endpoint), Reason: err.Error()}
	}
	form := url.Values{"grant_type": {jwtBearerGrantType}, "assertion": {assertion.Reveal()}}
	return c.postAlone(ctx, op, endpoint, form)
}

// selfSigned makes an access token that the account's key has signed, which Google's services take where its audience is
// theirs.
func (c *Client) selfSigned(r ServiceAccountRequest) (Response, error) {
	if r.Account.KeyID == "" {
		return Response{}, errors.New("service account: the key file has no private_key_id, which a token for an audience needs")
	}
	now := c.now()
	issued := now.Add(-selfAssertionBehind).Truncate(time.Second)
	expiry := issued.Add(selfAssertionLife)
	signed, err := r.Account.key.sign(map[string]any{
		"iss": r.Account.ClientEmail,
		"sub": r.Account.ClientEmail,
		"aud": r.Audience,
		"iat": issued.Unix(),
		"exp": expiry.Unix(),
	})
	if err != nil {
		return Response{}, fmt.Errorf("service account: %w", err)
	}
	return Response{Token: account.Token{
		Access: signed, Type: "Bearer", Expiry: expiry, Lifetime: expiry.Sub(now),
	}}, nil
}

// idTokenAlone reads an answer that is to have an ID token as its member of that name.
func (a answer) idTokenAlone(member string) (account.Secret, *ProviderError) {
	members, fail := a.members()
	if fail != nil {
		return account.Secret{}, fail
	}
	idToken := account.NewSecret(text(members[member]))
	if claimedExpiry(idToken).IsZero() {
		return account.Secret{}, a.fail(Unknown, "the answer has no usable "+member)
	}
	return idToken, nil
}
