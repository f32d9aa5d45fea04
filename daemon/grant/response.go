package grant

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

	"oauthd/daemon/account"
)

// Response is a token response (RFC 6749 §5.1). Along with an error it may still hold RefreshToken, and nothing else:
// the provider has rotated it, and the caller must save the new one.
type Response struct {
	// Token is what may be handed out. Its Expiry counts from before the request was sent. Its IDTokenExpiry is the ID
	// token's own claim, not verified; see [ParseIDToken].
	Token account.Token
	// RefreshToken is unset if the answer has none; in a refresh the old one then stays (RFC 6749 §6).
	RefreshToken account.Secret
	// Scopes are the granted ones, which Token has too; nil if the provider did not say.
	Scopes []string
	// IDToken is that of Token; unset if there is none.
	IDToken account.Secret
	// RefreshExpiry is when the refresh token ends, if the provider says so; zero if it does not. No RFC names the member,
	// so one that cannot be read counts as none.
	RefreshExpiry time.Time
	// Warnings say what was wrong with the answer and was ignored. They quote nothing of it.
	Warnings []string
}

// Dialect is how a provider's token responses differ from RFC 6749 §5.1; the zero value means not at all.
type Dialect struct {
	// ScopeSeparator stands between scopes; "" means a space.
	ScopeSeparator string
	// TokenMember names the object inside a response that holds the members of the token response; "" means none, and so
	// does an answer without it.
	TokenMember string
	// TokenType is what token_type may say of a bearer token next to Bearer; "" means nothing.
	TokenType string
	// LoginEnded are error codes that mean [LoginRequired] here, whatever they mean elsewhere.
	LoginEnded []string
	// TokenLifetime is how long access tokens live, whatever a response says; 0 means as it says.
	TokenLifetime time.Duration
}

// token sends a token request. openID means that an ID token was asked for.
func (c *Client) token(
	ctx context.Context, endpoint string, auth ClientAuth, form url.Values, dialect Dialect, openID bool,
) (Response, error) {
	a, fail := c.ask(ctx, "token request", endpoint, auth, form)
	if fail != nil {
		return Response{}, fail
	}
	resp, fail := a.token(dialect, openID)
	if fail != nil {
		return resp, fail
	}
	return resp, nil
}

// Token reads the answer to a token request that did not ask for an ID token. Along with an error the response may hold
// a refresh token, and nothing else.
func (a Answer) Token(dialect Dialect) (Response, *ProviderError) { return a.token(dialect, false) }

func (a Answer) token(dialect Dialect, openID bool) (Response, *ProviderError) {
	members, fail := a.TokenMembers()
	if fail != nil && slices.Contains(dialect.LoginEnded, fail.Code) && !a.passing() {
		fail.Kind = LoginRequired
	}
	if dialect.TokenMember != "" {
		if nested := members.Object(dialect.TokenMember); nested["access_token"] != nil {
			members = nested
		}
	}
	var only Response // what a bad answer is good for
	if a.OK() {
		only.RefreshToken = account.NewSecret(members.Text("refresh_token"))
	}
	if fail != nil {
		return only, fail
	}
	access, fail := a.accessToken(members, dialect)
	if fail != nil {
		return only, fail
	}
	idToken, warning, fail := a.idToken(members, openID)
	if fail != nil {
		return only, fail
	}
	resp := Response{RefreshToken: only.RefreshToken, IDToken: idToken, Warnings: warning}
	if !members.IsText("refresh_token") {
		resp.Warnings = append(resp.Warnings, "the answer's refresh_token is not a string")
	}
	var err error
	if resp.Scopes, err = parseScopes(members["scope"], dialect.ScopeSeparator); err != nil {
		resp.Warnings = append(resp.Warnings, err.Error())
	}
	lives, warnings := a.tokenLife(members, access, dialect.TokenLifetime)
	resp.Warnings = append(resp.Warnings, warnings...)
	resp.Token = account.Token{
		Access: access, Type: a.tokenType(), ProofKey: a.boundTo.Text(), Lifetime: max(lives.lifetime, 0), Scopes: slices.Clone(resp.Scopes),
		IDToken: idToken, IDTokenExpiry: ClaimedExpiry(idToken),
	}
	if lives.known {
		resp.Token.Expiry = a.Expiry(lives.lifetime)
	}
	// Google, GitHub and Microsoft use the first name, Keycloak the second.
	for _, name := range []string{"refresh_token_expires_in", "refresh_expires_in"} {
		if lives := a.life(members, name); lives.known && lives.lifetime > 0 {
			resp.RefreshExpiry = a.Expiry(lives.lifetime)
			break
		}
	}
	return resp, nil
}

// tokenType is what the answer's access token has to be.
func (a Answer) tokenType() string {
	if a.boundTo.IsZero() {
		return "Bearer"
	}
	return TypeDPoP
}

// accessToken reads the access token of a token response, and checks its type.
func (a Answer) accessToken(members Members, dialect Dialect) (account.Secret, *ProviderError) {
	tokenType := members.Text("token_type")
	bearer := strings.EqualFold(tokenType, "Bearer") || tokenType == dialect.TokenType
	switch {
	case !a.boundTo.IsZero() && !strings.EqualFold(tokenType, TypeDPoP):
		// Anyone could use it, which is what DPoP was asked for to prevent (RFC 9449 §5).
		return account.Secret{}, a.Fail(Configuration, "the answer's token_type is not DPoP, though the request had a proof")
	case a.boundTo.IsZero() && (!members.IsText("token_type") || tokenType != "" && !bearer):
		// RFC 6749 §7.1: a token of a type the client does not understand must not be used.
		return account.Secret{}, a.Fail(Configuration, "the answer's token_type is not Bearer")
	}
	access := members.Text("access_token")
	if access != "" && !strings.ContainsFunc(access, notPrintable) {
		return account.NewSecret(access), nil
	}
	kind := Transient // this is not a token response
	for _, name := range []string{"access_token", "token_type", "expires_in", "refresh_token", "scope", "id_token"} {
		if members[name] != nil {
			kind = Unknown
		}
	}
	return account.Secret{}, a.Fail(kind, "the answer has no usable access_token")
}

// idToken reads the ID token of a token response. The caller verifies one that was asked for; any other is of use only
// if it is a JWT.
func (a Answer) idToken(members Members, openID bool) (idToken account.Secret, warnings []string, fail *ProviderError) {
	idToken = account.NewSecret(members.Text("id_token"))
	_, err := Claims(idToken)
	switch {
	case openID && !members.IsText("id_token"):
		return account.Secret{}, nil, a.Fail(Unknown, "the answer's id_token is not a string")
	case openID, members.IsText("id_token") && idToken.IsZero(), err == nil:
		return idToken, nil, nil
	default:
		return account.Secret{}, []string{"the answer's id_token is not a JWT, and nobody asked for one"}, nil
	}
}

// parseScopes reads scope: a string, or a list of strings. Nil means that the answer does not say, empty that nothing
// was granted.
func parseScopes(raw json.RawMessage, separator string) ([]string, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return nil, nil
	}
	var list []string
	if raw[0] == '[' {
		if err := json.Unmarshal(raw, &list); err != nil {
			return nil, errors.New("the answer's scope is not a list of strings")
		}
	} else if !isText(raw) {
		return nil, errors.New("the answer's scope is not a string")
	} else {
		list = []string{text(raw)}
	}
	scopes := []string{}
	for _, entry := range list {
		if separator != "" {
			entry = strings.ReplaceAll(entry, separator, " ")
		}
		for _, scope := range strings.Fields(entry) {
			// Nobody can ask for what is not a scope-token (RFC 6749 §3.3), and it could steer a terminal.
			if !slices.Contains(scopes, scope) && !strings.ContainsFunc(scope, notPrintable) {
				scopes = append(scopes, scope)
			}
		}
	}
	return scopes, nil
}
