package grant

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"mime"
	"net/url"
	"slices"
	"strconv"
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
	resp, fail := a.token(dialect)
	if fail != nil {
		return Response{RefreshToken: resp.RefreshToken}, fail
	}
	return resp, nil
}

// token reads the answer to a token request.
func (a answer) token(dialect Dialect) (Response, *ProviderError) {
	var resp Response
	if a.status >= 300 && a.status < 400 {
		return resp, a.fail(Unknown, "the answer is a redirect, which is not followed")
	}
	members, parseErr := parseMembers(a.header.Get("Content-Type"), a.body)
	refused := a.refusal(members)
	if refused != nil && slices.Contains(dialect.LoginEnded, refused.Code) && !a.passing() {
		refused.Kind = LoginRequired
	}
	if dialect.TokenMember != "" {
		if nested := parseObject(members[dialect.TokenMember]); nested["access_token"] != nil {
			members = nested
		}
	}
	if a.ok() {
		resp.RefreshToken = account.NewSecret(text(members["refresh_token"]))
	}
	switch {
	case refused != nil:
		return resp, refused
	case a.broken != nil:
		return resp, a.failBroken()
	case !a.ok():
		return resp, a.fail(Unknown, "an error without a code")
	case a.tooLarge:
		return resp, a.fail(Unknown, "the answer is too large")
	case parseErr != nil:
		return resp, a.fail(Unknown, parseErr.Error())
	}
	if !isText(members["refresh_token"]) {
		return resp, a.fail(Unknown, "the answer's refresh_token is not a string")
	}
	tokenType := text(members["token_type"])
	bearer := strings.EqualFold(tokenType, "Bearer") || tokenType == dialect.TokenType
	if !isText(members["token_type"]) || tokenType != "" && !bearer {
		// RFC 6749 §7.1: a token of a type the client does not understand must not be used.
		return resp, a.fail(Configuration, "the answer's token_type is not Bearer")
	}
	access := text(members["access_token"])
	if access == "" || strings.ContainsFunc(access, func(r rune) bool { return r < 0x20 || r > 0x7e }) {
		return resp, a.fail(Unknown, "the answer has no usable access_token")
	}
	lifetime, err := parseSeconds("expires_in", members)
	if err != nil {
		return resp, a.fail(Unknown, err.Error())
	}
	scopes, err := parseScopes(members["scope"], dialect.ScopeSeparator)
	if err != nil {
		return resp, a.fail(Unknown, err.Error())
	}
	if !isText(members["id_token"]) {
		return resp, a.fail(Unknown, "the answer's id_token is not a string")
	}
	resp.Scopes = scopes
	resp.IDToken = account.NewSecret(text(members["id_token"]))
	resp.Token = account.Token{
		Access: account.NewSecret(access), Type: "Bearer", Lifetime: lifetime,
		Scopes: slices.Clone(scopes), IDToken: resp.IDToken, IDTokenExpiry: claimedExpiry(resp.IDToken),
	}
	if lifetime > 0 {
		resp.Token.Expiry = a.sentAt.Add(lifetime).Round(0)
	}
	// Google, GitHub and Microsoft name it in the one way, Keycloak in the other.
	for _, name := range []string{"refresh_token_expires_in", "refresh_expires_in"} {
		if left, err := parseSeconds(name, members); err == nil && left > 0 {
			resp.RefreshExpiry = a.sentAt.Add(left).Round(0)
			break
		}
	}
	return resp, nil
}

// members reads an answer that is to be a JSON object, or says why there is none.
func (a answer) members() (map[string]json.RawMessage, *ProviderError) {
	if a.status >= 300 && a.status < 400 {
		return nil, a.fail(Unknown, "the answer is a redirect, which is not followed")
	}
	members, parseErr := parseMembers(a.header.Get("Content-Type"), a.body)
	refused := a.refusal(members)
	switch {
	case refused != nil:
		return nil, refused
	case a.broken != nil:
		return nil, a.failBroken()
	case !a.ok():
		return nil, a.fail(Unknown, "an error without a code")
	case a.tooLarge:
		return nil, a.fail(Unknown, "the answer is too large")
	case parseErr != nil:
		return nil, a.fail(Unknown, parseErr.Error())
	}
	return members, nil
}

// parseMembers reads an answer as JSON, or as a form where the content type says so; plain text is what it looks like.
// Next to an error it returns the members that came before the trouble.
func parseMembers(contentType string, body []byte) (map[string]json.RawMessage, error) {
	body = bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")))
	if len(body) == 0 {
		return nil, errors.New("the answer is empty")
	}
	media, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		media = ""
	}
	form := media == "application/x-www-form-urlencoded" || media == "text/plain"
	if form && body[0] != '{' {
		return parseForm(body)
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	if start, err := dec.Token(); err != nil || start != json.Delim('{') {
		return nil, errors.New("the answer is not a JSON object")
	}
	members := make(map[string]json.RawMessage)
	for dec.More() {
		name, err := dec.Token()
		key, ok := name.(string)
		if err != nil || !ok {
			return members, errors.New("the answer is not whole JSON")
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return members, errors.New("the answer is not whole JSON")
		}
		members[key] = value
	}
	if _, err := dec.Token(); err != nil {
		return members, errors.New("the answer is not whole JSON")
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return members, errors.New("the answer has something after its JSON object")
	}
	return members, nil
}

func parseForm(body []byte) (map[string]json.RawMessage, error) {
	values, err := url.ParseQuery(string(body))
	members := make(map[string]json.RawMessage)
	for name := range values {
		value, err := json.Marshal(values.Get(name))
		if err != nil {
			return members, errors.New("the answer is not a form")
		}
		members[name] = value
	}
	if err != nil {
		return members, errors.New("the answer is not a form")
	}
	return members, nil
}

// parseObject returns raw's members, or nil when it is no JSON object.
func parseObject(raw json.RawMessage) map[string]json.RawMessage {
	var members map[string]json.RawMessage
	if json.Unmarshal(raw, &members) != nil {
		return nil
	}
	return members
}

// text returns a JSON string's text, or "".
func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

// isText reports whether a member is a string, null or missing.
func isText(raw json.RawMessage) bool {
	return len(raw) == 0 || raw[0] == '"' || string(raw) == "null"
}

// parseSeconds reads expires_in and its like: seconds, as a number or as text, with or without a fraction. Missing,
// null, empty, zero and negative all mean not known, which is 0: servers say 0 and -1 of tokens that do not expire.
func parseSeconds(name string, members map[string]json.RawMessage) (time.Duration, error) {
	raw := members[name]
	number := strings.TrimSpace(text(raw))
	if !isText(raw) {
		number = string(raw)
	}
	if number == "" {
		return 0, nil
	}
	seconds, err := strconv.ParseFloat(number, 64)
	switch {
	case err != nil && !errors.Is(err, strconv.ErrRange), math.IsNaN(seconds), err == nil && math.IsInf(seconds, 0):
		return 0, fmt.Errorf("the answer's %s is not a number", name)
	case seconds <= 0:
		return 0, nil
	case seconds >= maxLifetime.Seconds():
		return maxLifetime, nil
	}
	return time.Duration(seconds * float64(time.Second)), nil
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
