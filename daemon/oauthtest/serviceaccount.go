package oauthtest

import (
	"net/http"
	"net/url"
	"slices"
	"time"
)

const jwtBearerGrantType = "urn:ietf:params:oauth:grant-type:jwt-bearer"

// ServiceAccount is a program with an account of its own, as Google has them.
type ServiceAccount struct {
	// Email is the iss of its assertions.
	Email string
	// Keys are those its assertions may be signed with.
	Keys []Key
	// Scopes are those its tokens may have, which need not be among [Config.Scopes]; nil means these.
	Scopes []string
	// Subjects are the persons, by email, that it may act for by domain-wide delegation; nil means nobody.
	Subjects []string
}

// assertAccount is the JWT bearer grant (RFC 7523 §2.1) as Google's token endpoint plays it for service accounts. There
// is no client, no refresh token, and no scope in the answer; a target_audience gets an ID token alone.
func (s *Server) assertAccount(w http.ResponseWriter, r *http.Request) {
	form, problem := readForm(r)
	var account ServiceAccount
	var claims assertionClaims
	if problem == nil {
		account, claims, problem = s.checkAssertion(r, form)
	}
	if problem != nil {
		answerError(*problem).ServeHTTP(w, r)
		return
	}
	if claims.TargetAudience != "" {
		s.answerIdentity(w, r, account, claims.TargetAudience)
		return
	}
	c := &consent{client: account.Email, user: User{Subject: account.Email, Email: account.Email}, at: s.cfg.Now()}
	if claims.Subject != "" {
		c.user = User{Subject: claims.Subject, Email: claims.Subject}
	}
	c.scopes, _ = parseScope(claims.Scope)
	s.mu.Lock()
	text := s.newAccessTokenLocked(c, c.scopes, nil)
	s.mu.Unlock()
	writeJSON(w, http.StatusOK, map[string]any{
		"access_token": text, "token_type": "Bearer", "expires_in": int64(s.cfg.AccessTokenLifetime / time.Second),
	})
}

// checkAssertion returns who has signed the assertion of a token request, and for what. The errors are Google's.
func (s *Server) checkAssertion(r *http.Request, form url.Values) (ServiceAccount, assertionClaims, *oauthError) {
	refuse := func(status int, code, description string) (ServiceAccount, assertionClaims, *oauthError) {
		return ServiceAccount{}, assertionClaims{}, &oauthError{status, code, description}
	}
	if r.Header.Values("Authorization") != nil || form.Has("client_secret") || form.Has("client_assertion") {
		return refuse(401, "invalid_client", "an assertion needs no client, and no secret belongs beside it")
	}
	a, err := parseAssertion(form.Get("assertion"))
	if err != nil {
		return refuse(400, "invalid_grant", "Bad Request")
	}
	claims := a.claims
	i := slices.IndexFunc(s.cfg.ServiceAccounts, func(sa ServiceAccount) bool { return sa.Email == claims.Issuer })
	if i < 0 {
		return refuse(400, "invalid_grant", "Invalid grant: account not found")
	}
	account := s.cfg.ServiceAccounts[i]
	now := s.cfg.Now()
	switch {
	case !a.signedBy(account.Keys):
		return refuse(400, "invalid_grant", "Invalid JWT Signature.")
	case !isAudience(claims.Audience, s.url("/token")):
		return refuse(400, "invalid_grant", "Invalid JWT: Failed audience check.")
	case claims.IssuedAt == nil, !a.timely(now), claims.Expires.Sub(claims.IssuedAt.Time) > assertionLifetime:
		return refuse(400, "invalid_grant", "Invalid JWT: Token must be a short-lived token (60 minutes) and in a "+
			"reasonable timeframe. Check your iat and exp values in the JWT claim.")
	case claims.Subject != "" && !slices.Contains(account.Subjects, claims.Subject):
		return refuse(401, "unauthorized_client", "Client is unauthorized to retrieve access tokens using this method, "+
			"or client not authorized for any of the scopes requested.")
	case claims.TargetAudience != "":
		return account, claims, nil
	case claims.Scope == "":
		return refuse(400, "invalid_scope", "Empty or missing scope not allowed.")
	}
	own := account.Scopes
	if own == nil {
		own = s.cfg.Scopes
	}
	if scopes, ok := parseScope(claims.Scope); !ok || !within(scopes, own) {
		return refuse(400, "invalid_scope", "Invalid OAuth scope or ID token audience provided.")
	}
	return account, claims, nil
}

// answerIdentity gives an ID token of a service account for audience.
func (s *Server) answerIdentity(w http.ResponseWriter, r *http.Request, account ServiceAccount, audience string) {
	now := s.cfg.Now()
	text, err := s.sign(map[string]any{
		"iss": s.cfg.Issuer, "aud": audience, "azp": account.Email, "sub": account.Email,
		"email": account.Email, "email_verified": true,
		"iat": now.Unix(), "exp": now.Add(s.cfg.IDTokenLifetime.Truncate(time.Second)).Unix(),
	})
	if err != nil {
		answerError(oauthError{500, "server_error", "the ID token cannot be signed"}).ServeHTTP(w, r)
		return
	}
	writeJSON(w, http.StatusOK, map[string]string{"id_token": text})
}
