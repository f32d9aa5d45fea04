package oauthtest

import (
	"maps"
	"net/http"
	"net/url"
	"time"
)

const (
	requestURIPrefix   = "urn:ietf:params:oauth:request_uri:"
	requestURILifetime = time.Minute
)

// pushedRequest is an authorization request that waits for its browser (RFC 9126 §2).
type pushedRequest struct {
	client     string
	parameters url.Values
	expires    time.Time
}

// push takes a pushed authorization request (RFC 9126 §2.1): all that the authorization endpoint would refuse is
// refused here.
func (s *Server) push(w http.ResponseWriter, r *http.Request) {
	if !allowed(w, r, http.MethodPost) {
		return
	}
	client, form, problem := s.readDirect(r)
	if problem == nil {
		problem = s.checkPushed(client, form)
	}
	if problem != nil {
		answerError(*problem).ServeHTTP(w, r)
		return
	}
	parameters := maps.Clone(form)
	for _, name := range []string{"client_secret", "client_assertion", "client_assertion_type"} {
		parameters.Del(name)
	}
	uri := requestURIPrefix + newSecret("pr-")
	now := s.cfg.Now()
	s.mu.Lock()
	for old, p := range s.pushed {
		if !now.Before(p.expires) {
			delete(s.pushed, old)
		}
	}
	s.pushed[uri] = &pushedRequest{client: client.ID, parameters: parameters, expires: now.Add(requestURILifetime)}
	s.mu.Unlock()
	writeJSON(w, http.StatusCreated, map[string]any{
		"request_uri": uri, "expires_in": int64(requestURILifetime / time.Second),
	})
}

func (s *Server) checkPushed(client Client, form url.Values) *oauthError {
	invalid := func(description string) *oauthError { return &oauthError{400, "invalid_request", description} }
	switch {
	case form.Has("request_uri"):
		return invalid("a request_uri cannot be pushed")
	case form.Get("client_id") != client.ID:
		return invalid("client_id is missing: it is a parameter of the authorization request")
	case !client.registered(form.Get("redirect_uri")):
		return invalid("the redirect_uri is not registered for this client")
	}
	_, problem := s.checkRequest(client, form, true)
	if problem != nil {
		problem.status = http.StatusBadRequest
	}
	return problem
}

// takePushed returns the parameters that a request_uri stands for, once; what else the query says does not count
// (RFC 9126 §4).
func (s *Server) takePushed(query url.Values) (url.Values, bool) {
	uri := query.Get("request_uri")
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.pushed[uri]
	if p == nil || len(query["request_uri"]) != 1 || len(query["client_id"]) != 1 || query.Get("client_id") != p.client {
		return nil, false
	}
	delete(s.pushed, uri)
	return p.parameters, s.cfg.Now().Before(p.expires)
}
