package oauthtest

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

const (
	exchangeGrantType = "urn:ietf:params:oauth:grant-type:token-exchange"

	typeAccessToken = "urn:ietf:params:oauth:token-type:access_token"
	typeIDToken     = "urn:ietf:params:oauth:token-type:id_token"
	typeIDJAG       = "urn:ietf:params:oauth:token-type:id-jag"
	// jagType is the typ of an identity assertion's header.
	jagType = "oauth-id-jag+jwt"
	// jagLifetime is how long an identity assertion lives.
	jagLifetime = 5 * time.Minute
)

// Exchange says which tokens a server gives for others (RFC 8693).
type Exchange struct {
	// Targets are the audiences and resources that an access token may be exchanged for.
	Targets []string
	// Lifetime is how long an exchanged token lives, rounded down to whole seconds; 0 means as long as any.
	Lifetime time.Duration
	// Storage offers Google's security token service, which bounds access tokens to a part of Cloud Storage.
	Storage bool
	// Assertions are the servers for which an ID token is exchanged for an identity assertion.
	Assertions []AssertionTarget
}

// AssertionTarget is another authorization server, which trusts this one.
type AssertionTarget struct {
	Issuer string // "" is this server itself
	// Clients are this server's clients, by their ID, with the ID that each has at the other server.
	Clients map[string]string
	// Resources are what the tokens of the other server may be for, and Scopes what they may have.
	Resources, Scopes []string
}

// TrustedIssuer is a server whose identity assertions are taken for a grant.
type TrustedIssuer struct {
	Issuer string // "" is this server itself
	// Keys returns the keys that its assertions may be signed with now; nil stands for this server's own.
	Keys func() []Key
}

// Keys returns the keys that verify what the server signs.
func (s *Server) Keys() []Key {
	private, id := s.signingKey()
	return []Key{{ID: id, Public: private.Public()}}
}

// scopeWithin returns the scopes that a request asks for, all if it names none; false if they are not within all.
func scopeWithin(form url.Values, all []string) (scopes []string, ok bool) {
	text := form.Get("scope")
	if text == "" {
		return all, true
	}
	scopes, ok = parseScope(text)
	return scopes, ok && within(scopes, all)
}

func (s *Server) keysOf(t TrustedIssuer) []Key {
	if t.Keys == nil {
		return s.Keys()
	}
	return t.Keys()
}

// exchangeAnswer is RFC 8693 §2.2.1.
type exchangeAnswer struct {
	AccessToken     string   `json:"access_token"`
	IssuedTokenType string   `json:"issued_token_type"`
	TokenType       string   `json:"token_type"`
	ExpiresIn       int64    `json:"expires_in,omitempty"`
	Scope           string   `json:"scope,omitempty"`
	Audience        []string `json:"audience,omitempty"`
}

// exchange is a token exchange (RFC 8693 §2.1), with a proof of the key of that thumbprint; "" for none.
func (s *Server) exchange(w http.ResponseWriter, r *http.Request, client Client, form url.Values, thumbprint string) {
	var answer exchangeAnswer
	problem := &oauthError{400, "invalid_request", "an actor is not understood here, and neither is this requested_token_type"}
	switch {
	case form.Has("actor_token"), form.Has("actor_token_type"):
	case form.Get("requested_token_type") == typeIDJAG:
		answer, problem = s.assertIdentity(client, form)
	case form.Get("requested_token_type") == typeAccessToken, form.Get("requested_token_type") == "":
		answer, problem = s.exchangeAccess(client, form, thumbprint)
	}
	if problem != nil {
		answerError(*problem).ServeHTTP(w, r)
		return
	}
	writeJSON(w, http.StatusOK, answer)
}

// exchangeAccess gives an access token for another one of the same client, and never more than that is good for.
func (s *Server) exchangeAccess(client Client, form url.Values, thumbprint string) (exchangeAnswer, *oauthError) {
	refuse := func(code, description string) (exchangeAnswer, *oauthError) {
		return exchangeAnswer{}, &oauthError{400, code, description}
	}
	if form.Get("subject_token_type") != typeAccessToken {
		return refuse("invalid_request", "subject_token_type is not that of an access token")
	}
	targets := slices.Clone(form["resource"])
	if name := form.Get("audience"); name != "" {
		targets = append(targets, name)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	subject := s.access[form.Get("subject_token")]
	now := s.cfg.Now()
	if subject == nil || subject.consent.revoked || !now.Before(subject.expires) || subject.consent.client != client.ID {
		return refuse("invalid_request", "the subject token is not valid") // RFC 8693 §2.2.2
	}
	if subject.boundTo != "" && subject.boundTo != thumbprint {
		return refuse("invalid_request", "the subject token is bound to another key")
	}
	if !within(targets, s.cfg.Exchange.Targets) {
		return refuse("invalid_target", "no token of this client is for that audience or resource")
	}
	scopes, ok := scopeWithin(form, subject.scopes)
	if !ok {
		return refuse("invalid_scope", "the scope is not within the subject token's")
	}
	lifetime := s.cfg.Exchange.Lifetime
	if lifetime == 0 {
		lifetime = s.cfg.AccessTokenLifetime
	}
	text := s.newAccessTokenLocked(subject.consent, scopes, targets)
	s.access[text].expires, s.access[text].boundTo = now.Add(lifetime), thumbprint
	return exchangeAnswer{
		AccessToken: text, IssuedTokenType: typeAccessToken, TokenType: s.tokenType(), ExpiresIn: int64(lifetime / time.Second),
		Scope: strings.Join(scopes, " "), Audience: targets,
	}, nil
}

// assertIdentity gives an identity assertion for an ID token of the client's own
// (draft-ietf-oauth-identity-assertion-authz-grant §4).
func (s *Server) assertIdentity(client Client, form url.Values) (exchangeAnswer, *oauthError) {
	refuse := func(code, description string) (exchangeAnswer, *oauthError) {
		return exchangeAnswer{}, &oauthError{400, code, description}
	}
	if form.Get("subject_token_type") != typeIDToken {
		return refuse("invalid_request", "subject_token_type is not that of an ID token")
	}
	id, err := parseAssertion(form.Get("subject_token"))
	now := s.cfg.Now()
	switch {
	case err != nil || !id.signedBy(s.Keys()) || id.claims.Issuer != s.cfg.Issuer || !isAudience(id.claims.Audience, client.ID):
		return refuse("invalid_grant", "the subject token is not an ID token of this client")
	case id.claims.Expires == nil || !now.Before(id.claims.Expires.Time):
		return refuse("invalid_grant", "the ID token has expired")
	}
	i := slices.IndexFunc(s.cfg.Exchange.Assertions, func(t AssertionTarget) bool {
		return cmp.Or(t.Issuer, s.cfg.Issuer) == form.Get("audience")
	})
	if i < 0 {
		return refuse("invalid_target", "there are no assertions for that audience")
	}
	target := s.cfg.Exchange.Assertions[i]
	target.Issuer = form.Get("audience")
	clientID, known := target.Clients[client.ID]
	if !known || !within(form["resource"], target.Resources) || len(form["resource"]) == 0 {
		return refuse("invalid_target", "this client has no tokens for that resource")
	}
	scopes, ok := scopeWithin(form, target.Scopes)
	if !ok {
		return refuse("invalid_scope", "the scope is not the person's")
	}
	scope := strings.Join(scopes, " ")
	text, err := s.signAs(jagType, map[string]any{
		"iss": s.cfg.Issuer, "sub": id.claims.Subject, "aud": target.Issuer, "resource": form["resource"], "client_id": clientID,
		"jti": newSecret("jti-"), "iat": now.Unix(), "exp": now.Add(jagLifetime).Unix(), "scope": scope,
	})
	if err != nil {
		return exchangeAnswer{}, &oauthError{500, "server_error", "the assertion cannot be signed"}
	}
	return exchangeAnswer{
		AccessToken: text, IssuedTokenType: typeIDJAG, TokenType: "N_A", ExpiresIn: int64(jagLifetime / time.Second), Scope: scope,
	}, nil
}

// identityGrant gives a token for an identity assertion of an issuer that is trusted (RFC 7523 §3), and no refresh token.
func (s *Server) identityGrant(client Client, form url.Values) (issue, *oauthError) {
	refused := &oauthError{400, "invalid_grant", "the assertion is not one of a trusted issuer, for this server and this client"}
	a, err := parseAssertion(form.Get("assertion"))
	if err != nil {
		return issue{}, refused
	}
	var extra struct {
		ClientID string   `json:"client_id"`
		Resource audience `json:"resource"`
	}
	header, payload := jwtParts(a.input)
	if json.Unmarshal(payload, &extra) != nil || header.Type != jagType {
		return issue{}, refused
	}
	i := slices.IndexFunc(s.cfg.Trusts, func(t TrustedIssuer) bool { return cmp.Or(t.Issuer, s.cfg.Issuer) == a.claims.Issuer })
	switch {
	case i < 0, !a.signedBy(s.keysOf(s.cfg.Trusts[i])), !isAudience(a.claims.Audience, s.cfg.Issuer), !a.timely(s.cfg.Now()),
		extra.ClientID != client.ID, a.claims.Subject == "", a.claims.ID == "":
		return issue{}, refused
	}
	scopes, ok := parseScope(a.claims.Scope)
	if !ok || !within(scopes, s.cfg.Scopes) {
		return issue{}, &oauthError{400, "invalid_scope", "the assertion's scope is not supported"}
	}
	c := &consent{client: client.ID, user: User{Subject: a.claims.Subject}, scopes: scopes, resources: extra.Resource, at: s.cfg.Now()}
	s.mu.Lock()
	defer s.mu.Unlock()
	return issue{
		consent: c, scopes: scopes, audience: extra.Resource, accessToken: s.newAccessTokenLocked(c, scopes, extra.Resource),
	}, nil
}

type jwtHeader struct {
	Type string `json:"typ"`
}

// jwtParts returns the header and the payload of what is signed; [parseAssertion] has read it before.
func jwtParts(input string) (header jwtHeader, payload []byte) {
	first, second, _ := strings.Cut(input, ".")
	decoded, _ := base64.RawURLEncoding.DecodeString(first)
	_ = json.Unmarshal(decoded, &header)
	payload, _ = base64.RawURLEncoding.DecodeString(second)
	return header, payload
}
