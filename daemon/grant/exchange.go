package grant

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"oauthd/daemon/account"
)

const (
	exchangeGrantType = "urn:ietf:params:oauth:grant-type:token-exchange"

	// OpExchange is the [ProviderError.Op] of a token exchange, OpAssertion that of a request for an identity assertion.
	OpExchange  = "token exchange request"
	OpAssertion = "identity assertion request"
)

// The types of tokens (RFC 8693 §3).
const (
	TypeAccessToken = "urn:ietf:params:oauth:token-type:access_token"
	TypeIDToken     = "urn:ietf:params:oauth:token-type:id_token"
	TypeJWT         = "urn:ietf:params:oauth:token-type:jwt"
	// TypeIDJAG is an identity assertion that another authorization server takes for a grant
	// (draft-ietf-oauth-identity-assertion-authz-grant §3).
	TypeIDJAG = "urn:ietf:params:oauth:token-type:id-jag"
)

// TokenExchange is a token exchange request (RFC 8693 §2.1) that brings a token for less than Subject is good for.
type TokenExchange struct {
	TokenEndpoint string
	// Auth is how the client authenticates; nil sends nothing of a client, as Google's security token service wants it.
	Auth *ClientAuth
	// Subject is the token to exchange, of the type SubjectType.
	Subject     account.Secret
	SubjectType string
	// Scopes, Audience and Resource are what the new token is for; nil and "" leave each to the provider.
	Scopes             []string
	Audience, Resource string
	// Options is Google's parameter of that name; "" for none.
	Options string
	Dialect Dialect
}

// ExchangeToken exchanges a token for an access token. The response has neither a refresh token nor an ID token. Errors
// are *[ProviderError], never of kind [LoginRequired]: it is the exchange that was refused, and not the login.
func (c *Client) ExchangeToken(ctx context.Context, r TokenExchange) (Response, error) {
	a, fail := c.exchange(ctx, OpExchange, TypeAccessToken, r)
	if fail != nil {
		return Response{}, fail
	}
	resp, fail := a.Token(r.Dialect)
	if fail == nil {
		fail = a.issued(TypeAccessToken, TypeJWT)
	}
	if fail != nil {
		return Response{}, a.ofMachine(fail, false)
	}
	resp.RefreshToken, resp.IDToken, resp.Token.IDToken = account.Secret{}, account.Secret{}, account.Secret{}
	resp.Token.IDTokenExpiry = time.Time{}
	return resp, nil
}

// IdentityAssertion exchanges a person's ID token for an identity assertion for the authorization server that Audience
// names, which takes it for a grant ([Client.AssertionGrant]). Errors are *[ProviderError]; of kind [LoginRequired] if
// the person has to log in again where the ID token is from.
func (c *Client) IdentityAssertion(ctx context.Context, r TokenExchange) (account.Secret, error) {
	a, fail := c.exchange(ctx, OpAssertion, TypeIDJAG, r)
	if fail != nil {
		return account.Secret{}, fail
	}
	members, fail := a.TokenMembers()
	if fail != nil {
		if fail.Code == "insufficient_user_authentication" { // RFC 9470 §3
			fail.Kind = LoginRequired
		}
		return account.Secret{}, fail
	}
	if fail := a.issued(TypeIDJAG); fail != nil {
		return account.Secret{}, fail
	}
	assertion := account.NewSecret(members.Text("access_token"))
	claims, err := Claims(assertion)
	if err != nil || strings.ContainsFunc(assertion.Reveal(), notPrintable) {
		return account.Secret{}, a.Fail(Unknown, "the answer's identity assertion is not a JWT")
	}
	// The server that it goes to must be the only one that can use it.
	if audience, _ := audienceOf(claims["aud"]); len(audience) != 1 || audience[0] != r.Audience {
		return account.Secret{}, a.Fail(Unknown, "the answer's identity assertion is for another server than was asked for")
	}
	return assertion, nil
}

// AssertionGrant is a token request with an assertion of somebody else about a person (RFC 7523 §2.1).
type AssertionGrant struct {
	TokenEndpoint string
	Auth          ClientAuth
	Assertion     account.Secret
	Dialect       Dialect
}

// AssertionGrant asks for a token with an assertion. The response has no refresh token: the next token takes the next
// assertion. Errors are *[ProviderError], never of kind [LoginRequired], because there is no login here that has ended.
func (c *Client) AssertionGrant(ctx context.Context, r AssertionGrant) (Response, error) {
	form := url.Values{"grant_type": {jwtBearerGrantType}, "assertion": {r.Assertion.Reveal()}}
	a, fail := c.sendToken(ctx, "token request", r.TokenEndpoint, &r.Auth, form, r.Assertion)
	if fail != nil {
		return Response{}, fail
	}
	resp, fail := a.Token(r.Dialect)
	if fail != nil {
		return Response{}, a.ofMachine(fail, false)
	}
	resp.RefreshToken = account.Secret{}
	return resp, nil
}

func (c *Client) exchange(ctx context.Context, op, want string, r TokenExchange) (Answer, *ProviderError) {
	form := url.Values{
		"grant_type":           {exchangeGrantType},
		"requested_token_type": {want},
		"subject_token":        {r.Subject.Reveal()},
		"subject_token_type":   {r.SubjectType},
	}
	setAll(form, "scope", strings.Join(r.Scopes, " "), "audience", r.Audience, "resource", r.Resource, "options", r.Options)
	return c.sendToken(ctx, op, r.TokenEndpoint, r.Auth, form, r.Subject)
}

// sendToken sends form, which has the token shown in it; a nil auth sends nothing of a client.
func (c *Client) sendToken(
	ctx context.Context, op, endpoint string, auth *ClientAuth, form url.Values, shown account.Secret,
) (Answer, *ProviderError) {
	if auth != nil && !auth.ProofKey.IsZero() {
		return c.ask(ctx, op, endpoint, *auth, form)
	}
	if auth != nil {
		return c.ask(ctx, op, endpoint, *auth, form)
	}
	return c.Send(ctx, Request{
		Op: op, Method: http.MethodPost, Endpoint: endpoint, Header: wants("application/x-www-form-urlencoded"), Body: form.Encode(),
		Secrets: []string{shown.Reveal()},
	})
}

// issued returns an error unless the answer says that its token has one of types: issued_token_type is required
// (RFC 8693 §2.2.1), and a server that was not understood may send a refresh token as access_token.
func (a Answer) issued(types ...string) *ProviderError {
	members, fail := a.TokenMembers()
	if fail != nil {
		return fail
	}
	if !slices.Contains(types, members.Text("issued_token_type")) {
		return a.Fail(Configuration, "the answer's issued_token_type is not what was asked for")
	}
	return nil
}
