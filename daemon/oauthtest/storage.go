package oauthtest

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// TokenService is Google's security token service, at /v1/token; see [Exchange].
const TokenService Endpoint = "sts"

// accessBoundary is a Credential Access Boundary.
type accessBoundary struct {
	Boundary struct {
		Rules []struct {
			Resource    string   `json:"availableResource"`
			Permissions []string `json:"availablePermissions"`
			Condition   *struct {
				Expression string `json:"expression"`
			} `json:"availabilityCondition"`
		} `json:"accessBoundaryRules"`
	} `json:"accessBoundary"`
}

// boundAccess exchanges an access token for one that is bounded to a part of Cloud Storage. There is no client. What it is
// bounded to is the token's audience, which [Server.Audience] returns: the resource, the permissions, and the condition if
// there is one. As for a person's token at Google, the answer says nothing of its end.
func (s *Server) boundAccess(w http.ResponseWriter, r *http.Request) {
	if !allowed(w, r, http.MethodPost) {
		return
	}
	form, problem := readForm(r)
	var text string
	if problem == nil {
		text, problem = s.bounded(r, form)
	}
	if problem != nil {
		answerError(*problem).ServeHTTP(w, r)
		return
	}
	writeJSON(w, http.StatusOK, exchangeAnswer{AccessToken: text, IssuedTokenType: typeAccessToken, TokenType: "Bearer"})
}

func (s *Server) bounded(r *http.Request, form url.Values) (string, *oauthError) {
	refuse := func(code, description string) (string, *oauthError) { return "", &oauthError{400, code, description} }
	decoder := json.NewDecoder(strings.NewReader(form.Get("options")))
	decoder.DisallowUnknownFields()
	var options accessBoundary
	switch {
	case form.Get("grant_type") != exchangeGrantType, form.Get("subject_token_type") != typeAccessToken,
		form.Get("requested_token_type") != typeAccessToken:
		return refuse("invalid_request", "this is not the exchange of an access token")
	case r.Header.Values("Authorization") != nil || form.Has("client_id") || form.Has("client_secret"):
		return refuse("invalid_request", "no client is known here")
	case decoder.Decode(&options) != nil || len(options.Boundary.Rules) != 1:
		return refuse("invalid_request", "options is not an access boundary of one rule")
	}
	rule := options.Boundary.Rules[0]
	if !strings.HasPrefix(rule.Resource, "//storage.googleapis.com/projects/_/buckets/") || len(rule.Permissions) == 0 {
		return refuse("invalid_request", "the rule names no bucket, or no permission")
	}
	bounds := append([]string{rule.Resource}, rule.Permissions...)
	if rule.Condition != nil {
		bounds = append(bounds, rule.Condition.Expression)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	subject := s.access[form.Get("subject_token")]
	if subject == nil || subject.consent.revoked || !s.cfg.Now().Before(subject.expires) {
		return refuse("invalid_grant", "the subject token is not valid")
	}
	text := s.newAccessTokenLocked(subject.consent, subject.scopes, bounds)
	s.access[text].expires = subject.expires
	return text, nil
}

// Audience returns what an access token is for, and when it ends; false if it is not valid.
func (s *Server) Audience(accessToken string) (audience []string, ends time.Time, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.access[accessToken]
	if t == nil || t.consent.revoked || !s.cfg.Now().Before(t.expires) {
		return nil, time.Time{}, false
	}
	return t.audience, t.expires, true
}
