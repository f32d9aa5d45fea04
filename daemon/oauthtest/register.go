package oauthtest

import (
	"encoding/json"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// registration is the client metadata this server knows (RFC 7591 §2); it ignores other members.
type registration struct {
	ClientID        string   `json:"client_id,omitempty"`
	IssuedAt        int64    `json:"client_id_issued_at,omitempty"`
	RedirectURIs    []string `json:"redirect_uris"`
	AuthMethod      string   `json:"token_endpoint_auth_method"`
	GrantTypes      []string `json:"grant_types"`
	ResponseTypes   []string `json:"response_types"`
	ApplicationType string   `json:"application_type"`
	ClientName      string   `json:"client_name,omitempty"`
	Scope           string   `json:"scope,omitempty"`
	DPoPBound       bool     `json:"dpop_bound_access_tokens,omitempty"`
}

// register makes a native public client (RFC 7591 §3). Anybody may: there is no initial access token.
func (s *Server) register(w http.ResponseWriter, r *http.Request) {
	if !allowed(w, r, http.MethodPost) {
		return
	}
	m, problem := s.readRegistration(r)
	if problem != nil {
		answerError(*problem).ServeHTTP(w, r)
		return
	}
	now := s.cfg.Now()
	m.ClientID, m.IssuedAt, m.DPoPBound = newSecret("cl-"), now.Unix(), s.cfg.DPoP
	s.mu.Lock()
	s.registered[m.ClientID] = Client{
		ID: m.ClientID, Name: m.ClientName, RedirectURIs: m.RedirectURIs, AuthMethod: AuthNone, GrantTypes: m.GrantTypes,
	}
	s.mu.Unlock()
	writeJSON(w, http.StatusCreated, m)
}

func (s *Server) readRegistration(r *http.Request) (registration, *oauthError) {
	invalid := func(description string) (registration, *oauthError) {
		return registration{}, &oauthError{400, "invalid_client_metadata", description}
	}
	m := registration{
		// The defaults of RFC 7591 §2.
		AuthMethod: AuthBasic, GrantTypes: []string{"authorization_code"}, ResponseTypes: []string{"code"},
	}
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/json" || json.NewDecoder(r.Body).Decode(&m) != nil {
		return invalid("the body is not a JSON object of client metadata")
	}
	scopes, ok := parseScope(m.Scope)
	switch {
	case len(m.RedirectURIs) == 0 || slices.ContainsFunc(m.RedirectURIs, notNative):
		return registration{}, &oauthError{400, "invalid_redirect_uri", "a native client has loopback or https redirect URIs"}
	case m.ApplicationType != "native":
		return invalid("application_type must be native")
	case m.AuthMethod != AuthNone:
		return invalid("token_endpoint_auth_method must be none")
	case len(m.GrantTypes) == 0 || !within(m.GrantTypes, s.personalGrantTypes()):
		return invalid("grant_types are not those a public client may use")
	case !slices.Equal(m.ResponseTypes, []string{"code"}):
		return invalid("response_types must be code")
	case m.Scope != "" && (!ok || !within(scopes, s.cfg.Scopes)):
		return invalid("scope is not well formed or not supported")
	}
	return m, nil
}

// notNative reports whether text is no redirect URI of a native client (RFC 8252 §7): http to this machine, or https.
func notNative(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil || strings.Contains(text, "#") || strings.Contains(text, "*") {
		return true
	}
	return u.Scheme != "https" && (u.Scheme != "http" || checkLoopback(u) != nil)
}

// ForgetClients makes every client that has registered itself unknown, as servers do that clean up. What these clients
// were given stays, and is of no use to them.
func (s *Server) ForgetClients() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.registered)
}

// RegisteredClients returns the ids of the clients that have registered themselves, sorted.
func (s *Server) RegisteredClients() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	ids := []string{}
	for id := range s.registered {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}
