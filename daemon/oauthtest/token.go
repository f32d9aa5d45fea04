package oauthtest

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// tokenResponse is RFC 6749 §5.1.
type tokenResponse struct {
	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type"`
	ExpiresIn    int64  `json:"expires_in"`
	RefreshToken string `json:"refresh_token,omitempty"`
	Scope        string `json:"scope"`
	IDToken      string `json:"id_token,omitempty"`
	// Audience says which resources (RFC 8707) the access token is for. No RFC names it; clients must ignore it.
	Audience []string `json:"audience,omitempty"`
}

// issue is what a token request has earned.
type issue struct {
	consent      *consent
	scopes       []string
	audience     []string
	accessToken  string
	refreshToken string // "" if none is given
	refreshed    bool
}

func (s *Server) token(w http.ResponseWriter, r *http.Request) {
	if !allowed(w, r, http.MethodPost) {
		return
	}
	if s.cfg.ServiceAccounts != nil && r.PostForm.Get("grant_type") == jwtBearerGrantType {
		s.assertAccount(w, r)
		return
	}
	client, form, problem := s.readDirect(r)
	if problem != nil {
		answerError(*problem).ServeHTTP(w, r)
		return
	}
	var earned issue
	thumbprint := ""
	if s.cfg.DPoPSpendsFirst && s.cfg.DPoPNonces > 0 {
		s.mu.Lock()
		w.Header().Set("DPoP-Nonce", s.nonceLocked(s.cfg.Now()))
		s.mu.Unlock()
	}
	if s.cfg.DPoP && !s.cfg.DPoPSpendsFirst {
		if thumbprint, problem = s.proven(w, r, ""); problem == nil && s.boundElsewhere(form, thumbprint) {
			problem = &oauthError{400, "invalid_grant", "the code or refresh token is bound to another key"}
		}
	}
	switch grantType := form.Get("grant_type"); {
	case problem != nil:
	case grantType == "":
		problem = &oauthError{400, "invalid_request", "grant_type is missing"}
	case !slices.Contains(s.grantTypes(), grantType):
		problem = &oauthError{400, "unsupported_grant_type", "the grant type is not one of the metadata"}
	case !client.mayUse(grantType):
		problem = &oauthError{400, "unauthorized_client", "the client is not registered for this grant type"}
	case !wellFormedResources(form["resource"]):
		problem = &oauthError{400, "invalid_target", "a resource is not an absolute URI without a fragment"}
	case grantType == "authorization_code":
		earned, problem = s.redeem(client, form)
	case grantType == "refresh_token":
		earned, problem = s.renew(client, form)
	case grantType == clientCredentialsGrantType:
		earned, problem = s.ownToken(client, form)
	case grantType == exchangeGrantType:
		s.exchange(w, r, client, form, thumbprint)
		return
	case grantType == jwtBearerGrantType:
		earned, problem = s.identityGrant(client, form)
	default:
		earned, problem = s.poll(client, form)
	}
	if problem == nil && s.cfg.DPoP {
		if s.cfg.DPoPSpendsFirst {
			thumbprint, problem = s.proven(w, r, "")
		}
		s.bind(client, earned, thumbprint)
	}
	if problem != nil {
		answerError(*problem).ServeHTTP(w, r)
		return
	}
	answer := tokenResponse{
		AccessToken:  earned.accessToken,
		TokenType:    s.tokenType(),
		ExpiresIn:    int64(s.cfg.AccessTokenLifetime / time.Second),
		RefreshToken: earned.refreshToken,
		Scope:        strings.Join(earned.scopes, " "),
		Audience:     earned.audience,
	}
	if slices.Contains(earned.scopes, "openid") {
		var err error
		if answer.IDToken, err = s.idToken(earned.consent, earned.scopes, earned.refreshed); err != nil {
			answerError(oauthError{500, "server_error", "the ID token cannot be signed"}).ServeHTTP(w, r)
			return
		}
	}
	writeJSON(w, http.StatusOK, answer)
}

func (s *Server) tokenType() string {
	if s.cfg.DPoP {
		return "DPoP"
	}
	return "Bearer"
}

// redeem exchanges a code (RFC 6749 §4.1.3). Any attempt of the right client spends the code; a second one also ends
// what the first was given (§4.1.2).
func (s *Server) redeem(client Client, form url.Values) (issue, *oauthError) {
	refused := &oauthError{400, "invalid_grant", "the code is not valid for this client, redirect URI and verifier"}
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.codes[form.Get("code")]
	if c == nil || c.consent.client != client.ID {
		return issue{}, refused
	}
	if c.spent {
		c.consent.revoked = true
		return issue{}, refused
	}
	c.spent = true
	switch {
	case c.consent.revoked, !s.cfg.Now().Before(c.expires),
		form.Get("redirect_uri") != c.consent.redirectURI,
		!verifies(c.challenge, form.Get("code_verifier")):
		return issue{}, refused
	}
	return s.beginLocked(client, c.consent, form)
}

// beginLocked gives the first tokens of a consent.
func (s *Server) beginLocked(client Client, c *consent, form url.Values) (issue, *oauthError) {
	audience, problem := c.audience(form["resource"])
	if problem != nil {
		return issue{}, problem
	}
	earned := issue{consent: c, scopes: c.scopes, audience: audience}
	earned.accessToken = s.newAccessTokenLocked(c, earned.scopes, audience)
	offline := s.cfg.AlwaysRefreshToken || slices.Contains(earned.scopes, "offline_access")
	held := s.cfg.RefreshTokenOnce && !c.anew && s.holdsRefreshTokenLocked(c)
	if offline && !held && client.mayUse("refresh_token") {
		earned.refreshToken = s.newRefreshTokenLocked(c)
	}
	return earned, nil
}

// renew is a refresh (RFC 6749 §6): the scope may narrow this access token, never grow, and the grant stays as it is.
func (s *Server) renew(client Client, form url.Values) (issue, *oauthError) {
	refused := &oauthError{400, "invalid_grant", "the refresh token is not valid"}
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.refresh[form.Get("refresh_token")]
	if t == nil || t.consent.client != client.ID {
		return issue{}, refused
	}
	if t.spent {
		t.consent.revoked = true
	}
	if t.consent.revoked || s.cfg.RefreshNeedsRedirectURI && form.Get("redirect_uri") != t.consent.redirectURI {
		return issue{}, refused
	}
	audience, problem := t.consent.audience(form["resource"])
	if problem != nil {
		return issue{}, problem
	}
	earned := issue{consent: t.consent, scopes: t.consent.scopes, audience: audience, refreshed: true}
	if text := form.Get("scope"); text != "" {
		asked, ok := parseScope(text)
		if !ok || !within(asked, t.consent.scopes) {
			return issue{}, &oauthError{400, "invalid_scope", "the scope is not within the grant"}
		}
		earned.scopes = asked
	}
	if s.cfg.RefreshKillsAccessTokens {
		maps.DeleteFunc(s.access, func(_ string, old *accessToken) bool { return old.consent == t.consent })
	}
	earned.accessToken = s.newAccessTokenLocked(t.consent, earned.scopes, audience)
	if !s.cfg.KeepRefreshTokens {
		t.spent = true
		earned.refreshToken = s.newRefreshTokenLocked(t.consent)
	}
	return earned, nil
}

// verifies checks a code verifier against an S256 challenge (RFC 7636 §4.6).
func verifies(challenge, verifier string) bool {
	if len(verifier) < 43 || len(verifier) > 128 || strings.ContainsFunc(verifier, reserved) {
		return false
	}
	sum := sha256.Sum256([]byte(verifier))
	want := base64.RawURLEncoding.EncodeToString(sum[:])
	return subtle.ConstantTimeCompare([]byte(want), []byte(challenge)) == 1
}

// reserved reports whether c is outside the unreserved characters of RFC 3986 §2.3.
func reserved(c rune) bool {
	letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
	return !letter && (c < '0' || c > '9') && !strings.ContainsRune("-._~", c)
}
