package oauthtest

import (
	"crypto/subtle"
	"encoding/json"
	"net/http"
)

// RevocationForm is how a grant is ended by the client, see [Config.Revocation].
type RevocationForm string

// The forms. In each, [Revoke] is the endpoint.
const (
	// RevocationRFC7009 is POST /revoke with the form of RFC 7009 §2.1.
	RevocationRFC7009 RevocationForm = ""
	// RevocationGitHub is DELETE /applications/{client_id}/grant with the client's id and secret by HTTP Basic, as they
	// are, and the JSON object {"access_token":…}. It ends all that the person has granted the client, and is answered
	// 204; or 401 without the secret, 404 for a token that is not the client's, 422 for another body.
	RevocationGitHub RevocationForm = "github"
	// RevocationBearer is POST /revoke with the access token as Bearer and no body, as Dropbox and Slack have it. It ends
	// the token's grant, and is answered 200; or 401 for a token that is not valid.
	RevocationBearer RevocationForm = "bearer"
)

// routeRevocation offers the one form.
func (s *Server) routeRevocation() {
	switch s.cfg.Revocation {
	case RevocationGitHub:
		s.route(Revoke, s.revokeApplication, s.prefix+"/applications/{client_id}/grant")
	case RevocationBearer:
		s.route(Revoke, s.revokeBearer, s.prefix+"/revoke")
	default:
		s.route(Revoke, s.revoke, s.prefix+"/revoke")
	}
}

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

// revokeApplication is [RevocationGitHub].
func (s *Server) revokeApplication(w http.ResponseWriter, r *http.Request) {
	if !allowed(w, r, http.MethodDelete) {
		return
	}
	id, secret, _ := r.BasicAuth()
	client, known := s.client(id)
	same := subtle.ConstantTimeCompare([]byte(client.Secret), []byte(secret)) == 1
	if !known || client.Secret == "" || !same || id != r.PathValue("client_id") {
		writeJSON(w, http.StatusUnauthorized, map[string]string{"message": "Bad credentials"})
		return
	}
	var body struct {
		AccessToken string `json:"access_token"`
	}
	if json.NewDecoder(r.Body).Decode(&body) != nil || body.AccessToken == "" {
		writeJSON(w, http.StatusUnprocessableEntity, map[string]string{"message": "Validation Failed"})
		return
	}
	t, ok := s.lookup(body.AccessToken)
	if !ok || t.consent.client != client.ID {
		writeJSON(w, http.StatusNotFound, map[string]string{"message": "Not Found"})
		return
	}
	s.mu.Lock()
	s.revokeLocked(func(c *consent) bool {
		return c.client == client.ID && c.user.Subject == t.consent.user.Subject
	})
	s.mu.Unlock()
	w.WriteHeader(http.StatusNoContent)
}

// revokeBearer is [RevocationBearer].
func (s *Server) revokeBearer(w http.ResponseWriter, r *http.Request) {
	if !allowed(w, r, http.MethodPost) {
		return
	}
	text, isBearer := bearerToken(r)
	t, ok := s.lookup(text)
	if !isBearer || !ok {
		w.Header().Set("WWW-Authenticate", `Bearer realm="oauthtest", error="invalid_token"`)
		writeJSON(w, http.StatusUnauthorized, map[string]string{"error": "invalid_token"})
		return
	}
	s.mu.Lock()
	t.consent.revoked = true
	s.mu.Unlock()
	writeJSON(w, http.StatusOK, map[string]bool{"revoked": true})
}
