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

// maxLifetime caps expires_in, so that a provider's slip cannot overflow a date.
const maxLifetime = 10 * 365 * 24 * time.Hour

// Response is a token response (RFC 6749 §5.1). Next to an error it may still hold RefreshToken, and nothing else: the
// provider has rotated, and the caller must keep the new one.
type Response struct {
	// Token is what may be handed out. Its Expiry counts from before the request was sent; its IDTokenExpiry is the
	// ID token's own claim, unverified, see [ParseIDToken].
	Token account.Token
	// RefreshToken is unset when the answer has none, which in a refresh means that the old one stays (RFC 6749 §6).
	RefreshToken account.Secret
	// Scopes are the granted ones, those of Token too; nil when the provider did not say.
	Scopes []string
	// IDToken is Token's; unset when there is none.
	IDToken account.Secret
	// RefreshExpiry is when the refresh token ends, where the provider says it; zero where it does not. No RFC names the
	// member, so one that cannot be read counts as none.
	RefreshExpiry time.Time
}

// Dialect is how a provider's token responses differ from RFC 6749 §5.1; the zero value is not at all.
type Dialect struct {
	// ScopeSeparator stands between scopes; "" means a space.
	ScopeSeparator string
	// TokenMember names the object that holds the members of a token response in a response of its own, where the response
	// has it; "" means none.
	TokenMember string
	// TokenType is what token_type may say of a bearer token next to Bearer; "" means nothing.
	TokenType string
	// LoginEnded are error codes that mean [LoginRequired] here, whatever they mean elsewhere.
	LoginEnded []string
}

// token sends a token request whose answer is in dialect.
func (c *Client) token(
	ctx context.Context, endpoint string, auth ClientAuth, form url.Values, dialect Dialect,
) (Response, error) {
	a, fail := c.post(ctx, "token request", endpoint, auth, form)
	if fail != nil {
		return Response{}, fail
	}
	resp, fail := a.Token(dialect)
	if fail != nil {
		return Response{RefreshToken: resp.RefreshToken}, fail
	}
	return resp, nil
}

// Token reads the answer to a token request. Next to an error the response may hold a refresh token.
func (a Answer) Token(dialect Dialect) (Response, *ProviderError) {
	var resp Response
	if a.Status >= 300 && a.Status < 400 {
		return resp, a.Fail(Unknown, "the answer is a redirect, which is not followed")
	}
	members, parseErr := parseMembers(a.Header.Get("Content-Type"), a.Body)
	refused := a.refusal(members)
	if refused != nil && slices.Contains(dialect.LoginEnded, refused.Code) && !a.passing() {
		refused.Kind = LoginRequired
	}
	if dialect.TokenMember != "" {
		if nested := members.Object(dialect.TokenMember); nested["access_token"] != nil {
			members = nested
		}
	}
	if a.OK() {
		resp.RefreshToken = account.NewSecret(members.Text("refresh_token"))
	}
	switch {
	case refused != nil:
		return resp, refused
	case a.broken != nil:
		return resp, a.failBroken()
	case !a.OK():
		return resp, a.Fail(Unknown, "an error without a code")
	case a.tooLarge:
		return resp, a.Fail(Unknown, "the answer is too large")
	case parseErr != nil:
		return resp, a.Fail(Unknown, parseErr.Error())
	}
	if !members.IsText("refresh_token") {
		return resp, a.Fail(Unknown, "the answer's refresh_token is not a string")
	}
	tokenType := members.Text("token_type")
	bearer := strings.EqualFold(tokenType, "Bearer") || tokenType == dialect.TokenType
	if !members.IsText("token_type") || tokenType != "" && !bearer {
		// RFC 6749 §7.1: a token of a type the client does not understand must not be used.
		return resp, a.Fail(Configuration, "the answer's token_type is not Bearer")
	}
	access := members.Text("access_token")
	if access == "" || strings.ContainsFunc(access, func(r rune) bool { return r < 0x20 || r > 0x7e }) {
		return resp, a.Fail(Unknown, "the answer has no usable access_token")
	}
	lifetime, err := members.Seconds("expires_in")
	if err != nil {
		return resp, a.Fail(Unknown, err.Error())
	}
	scopes, err := parseScopes(members["scope"], dialect.ScopeSeparator)
	if err != nil {
		return resp, a.Fail(Unknown, err.Error())
	}
	if !members.IsText("id_token") {
		return resp, a.Fail(Unknown, "the answer's id_token is not a string")
	}
	resp.Scopes = scopes
	resp.IDToken = account.NewSecret(members.Text("id_token"))
	resp.Token = account.Token{
		Access: account.NewSecret(access), Type: "Bearer", Lifetime: lifetime,
		Scopes: slices.Clone(scopes), IDToken: resp.IDToken, IDTokenExpiry: ClaimedExpiry(resp.IDToken),
	}
	if lifetime > 0 {
		resp.Token.Expiry = a.sentAt.Add(lifetime).Round(0)
	}
	// Google, GitHub and Microsoft name it in the one way, Keycloak in the other.
	for _, name := range []string{"refresh_token_expires_in", "refresh_expires_in"} {
		if left, err := members.Seconds(name); err == nil && left > 0 {
			resp.RefreshExpiry = a.sentAt.Add(left).Round(0)
			break
		}
	}
	return resp, nil
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
			// What is no scope-token (RFC 6749 §3.3) can be asked for by nobody, and could steer a terminal.
			if !slices.Contains(scopes, scope) && !strings.ContainsFunc(scope, notPrintable) {
				scopes = append(scopes, scope)
			}
		}
	}
	return scopes, nil
}
