package oauthtest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// revoke ends a refresh token with all of its grant, or one access token (RFC 7009 §2.1). A token it does not know is
// as good as revoked (§2.2).
func (s *Server) revoke(w http.ResponseWriter, r *http.Request) {
	if !allowed(w, r, http.MethodPost) {
		return
	}
	client, form, problem := s.readDirect(r)
	if problem == nil {
		problem = s.end(client, form.Get("token"))
	}
	if problem != nil {
		answerError(*problem).ServeHTTP(w, r)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
}

func (s *Server) end(client Client, token string) *oauthError {
	if token == "" {
		return &oauthError{400, "invalid_request", "token is missing"}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	foreign := &oauthError{400, "invalid_grant", "the token belongs to another client"}
	if t := s.refresh[token]; t != nil {
		if t.consent.client != client.ID {
			return foreign
		}
		t.consent.revoked = true
	}
	if t := s.access[token]; t != nil {
		if t.consent.client != client.ID {
			return foreign
		}
		delete(s.access, token)
	}
	return nil
}

// userinfo is OpenID Connect Core §5.3.
func (s *Server) userinfo(w http.ResponseWriter, r *http.Request) {
	if !allowed(w, r, http.MethodGet, http.MethodPost) {
		return
	}
	if t, ok := s.bearer(w, r, "openid"); ok {
		writeJSON(w, http.StatusOK, userClaims(t.consent.user, t.scopes))
	}
}

// hello is a protected resource to try a token on; it answers any valid one.
func (s *Server) hello(w http.ResponseWriter, r *http.Request) {
	if !allowed(w, r, http.MethodGet) {
		return
	}
	if t, ok := s.bearer(w, r, ""); ok {
		name := t.consent.user.Name
		if name == "" {
			name = t.consent.user.Subject
		}
		writeJSON(w, http.StatusOK, map[string]any{
			"message":    fmt.Sprintf("Hello, %s!", name),
			"client_id":  t.consent.client,
			"scope":      strings.Join(t.scopes, " "),
			"audience":   t.audience,
			"expires_in": int64(t.expires.Sub(s.cfg.Now()) / time.Second),
		})
	}
}

// bearer returns the access token of the Authorization header (RFC 6750 §2.1), or answers why not (§3.1). It must have
// scope, unless that is "".
func (s *Server) bearer(w http.ResponseWriter, r *http.Request, scope string) (accessToken, bool) {
	challenge := `Bearer realm="oauthtest"`
	status := http.StatusUnauthorized
	scheme, text, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if strings.EqualFold(scheme, "Bearer") {
		t, ok := s.lookup(text)
		switch {
		case !ok:
			challenge += `, error="invalid_token"`
		case scope != "" && !slices.Contains(t.scopes, scope):
			status = http.StatusForbidden
			challenge += fmt.Sprintf(`, error="insufficient_scope", scope=%q`, scope)
		default:
			return t, true
		}
	}
	w.Header().Set("WWW-Authenticate", challenge)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	return accessToken{}, false
}

// lookup returns a copy of a valid access token.
func (s *Server) lookup(text string) (accessToken, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.access[text]
	if t == nil || t.consent.revoked || !s.cfg.Now().Before(t.expires) {
		return accessToken{}, false
	}
	return *t, true
}
