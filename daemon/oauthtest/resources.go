package oauthtest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

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
			"subject":    t.consent.user.Subject,
			"scope":      strings.Join(t.scopes, " "),
			"audience":   t.audience,
			"expires_in": int64(t.expires.Sub(s.cfg.Now()) / time.Second),
		})
	}
}

// Protect returns what serves next for requests that come with a valid access token of s, and with a proof if that needs one
// (RFC 6750, RFC 9449 §7), at whichever server that is, with the scheme of s.
func (s *Server) Protect(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, ok := s.bearer(w, r, ""); ok {
			next.ServeHTTP(w, r)
		}
	})
}

// bearer returns the access token of the Authorization header (RFC 6750 §2.1, RFC 9449 §7.1), or answers why not (§3.1). It must have
// scope, unless that is "".
func (s *Server) bearer(w http.ResponseWriter, r *http.Request, scope string) (accessToken, bool) {
	t, scheme, refused := s.presented(w, r)
	challenge := scheme + ` realm="oauthtest"`
	if scheme == "DPoP" {
		challenge += `, algs="ES256"`
	}
	status := http.StatusUnauthorized
	if refused != "" {
		challenge += fmt.Sprintf(`, error=%q`, refused)
	} else if t.consent != nil {
		switch {
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

// bearerToken returns what the Authorization header has as Bearer (RFC 6750 §2.1).
func bearerToken(r *http.Request) (text string, ok bool) {
	scheme, text, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	return text, strings.EqualFold(scheme, "Bearer")
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
