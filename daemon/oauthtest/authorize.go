package oauthtest

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

const (
	codeLifetime = time.Minute
	pageLifetime = 10 * time.Minute
)

// authorizationRequest is a checked authorization request (RFC 6749 §4.1.1) that waits for a decision.
type authorizationRequest struct {
	client      Client
	redirectURI string
	state       string
	scopes      []string
	nonce       string
	challenge   string
	anew        bool // prompt=consent: the person wants to be asked again (OpenID Connect Core §3.1.2.1)
	formPost    bool // the response is posted (OAuth 2.0 Form Post Response Mode)
	resources   []string
	boundTo     string // dpop_jkt (RFC 9449 §10)
	user        User
	expires     time.Time
}

// authorize takes the authorization request with GET, and the decision of the page's form with POST.
func (s *Server) authorize(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer")
	switch {
	case !allowed(w, r, http.MethodGet, http.MethodPost):
	case r.Method == http.MethodPost:
		s.decide(w, r)
	default:
		s.ask(w, r)
	}
}

func (s *Server) ask(w http.ResponseWriter, r *http.Request) {
	query := r.Form
	pushed := s.cfg.PAR && strings.HasPrefix(query.Get("request_uri"), requestURIPrefix)
	if pushed {
		var ok bool
		if query, ok = s.takePushed(query); !ok {
			writeErrorPage(w, "The request_uri was not pushed here by this client, or it has been used, or it is too old.")
			return
		}
	}
	client, known := s.client(query.Get("client_id"))
	uri := query.Get("redirect_uri")
	switch {
	case len(query["client_id"]) != 1 || !known:
		writeErrorPage(w, "No client of that client_id is registered here.")
		return
	case len(query["redirect_uri"]) != 1 || !client.registered(uri):
		writeErrorPage(w, "The redirect_uri is not registered for this client.")
		return
	}
	request := &authorizationRequest{
		client:      client,
		redirectURI: uri,
		nonce:       query.Get("nonce"),
		challenge:   query.Get("code_challenge"),
		anew:        slices.Contains(strings.Fields(query.Get("prompt")), "consent"),
		formPost:    query.Get("response_mode") == "form_post",
		resources:   query["resource"],
		boundTo:     query.Get("dpop_jkt"),
	}
	if len(query["state"]) == 1 {
		request.state = query.Get("state")
	}
	scopes, problem := s.checkRequest(client, query, pushed)
	if problem != nil {
		s.redirect(w, r, request, url.Values{"error": {problem.code}, "error_description": {problem.description}})
		return
	}
	request.scopes = scopes

	s.mu.Lock()
	request.user = s.user
	deny := s.cfg.AutoApprove && s.denyNext
	if deny {
		s.denyNext = false
	}
	s.mu.Unlock()
	switch {
	case deny:
		s.deny(w, r, request)
	case s.cfg.AutoApprove:
		s.allow(w, r, request)
	default:
		writeConsentPage(w, s.prefix+"/authorize", s.wait(request), request)
	}
}

// checkRequest checks what may be answered at the redirect URI (RFC 6749 §4.1.2.1, RFC 7636 §4.4.1) and returns the
// scopes asked for. pushed says how the request has come.
func (s *Server) checkRequest(client Client, query url.Values, pushed bool) ([]string, *oauthError) {
	invalid := func(description string) ([]string, *oauthError) {
		return nil, &oauthError{code: "invalid_request", description: description}
	}
	scopes, ok := parseScope(query.Get("scope"))
	mode := query.Get("response_mode")
	switch {
	case repeated(query):
		return invalid("a parameter is given more than once")
	case query.Has("request"):
		return nil, &oauthError{code: "request_not_supported", description: "request objects are not supported"}
	case query.Has("request_uri"):
		return nil, &oauthError{code: "request_uri_not_supported", description: "request objects are not supported"}
	case s.cfg.RequirePAR && !pushed:
		return invalid("the authorization request has to be pushed first")
	case query.Get("response_type") == "":
		return invalid("response_type is missing")
	case query.Get("response_type") != "code":
		return nil, &oauthError{code: "unsupported_response_type", description: "response_type must be code"}
	case mode != "" && mode != "query" && mode != "form_post":
		return invalid("response_mode must be query or form_post")
	case !client.mayUse("authorization_code"):
		return nil, &oauthError{code: "unauthorized_client", description: "the client is not registered for this grant type"}
	case !wellFormedResources(query["resource"]):
		return nil, &oauthError{code: "invalid_target", description: "a resource is not an absolute URI without a fragment"}
	case query.Get("code_challenge") == "":
		return invalid("code_challenge is missing: PKCE is required")
	case query.Get("code_challenge_method") != "S256":
		return invalid("code_challenge_method must be S256")
	case len(query.Get("code_challenge")) != 43 || strings.ContainsFunc(query.Get("code_challenge"), reserved):
		return invalid("code_challenge is not a SHA-256 in base64url")
	case !ok:
		return nil, &oauthError{code: "invalid_scope", description: "scope is missing or not well formed"}
	case !within(scopes, s.cfg.Scopes):
		return nil, &oauthError{code: "invalid_scope", description: "a scope is not supported"}
	case !s.cfg.AutoApprove && slices.Contains(strings.Fields(query.Get("prompt")), "none"):
		return nil, &oauthError{code: "interaction_required", description: "a person has to be asked"}
	}
	return scopes, nil
}

// wait keeps request until the page's form is sent, and returns what the form has to send along. It stands for the
// parameters, so that the form cannot change them, and cannot be guessed by a page of another site.
func (s *Server) wait(request *authorizationRequest) string {
	id := newSecret("rq-")
	now := s.cfg.Now()
	request.expires = now.Add(pageLifetime)
	s.mu.Lock()
	defer s.mu.Unlock()
	for old, p := range s.pending {
		if !now.Before(p.expires) {
			delete(s.pending, old)
		}
	}
	s.pending[id] = request
	return id
}

func (s *Server) decide(w http.ResponseWriter, r *http.Request) {
	id := r.PostForm.Get("request")
	s.mu.Lock()
	request := s.pending[id]
	delete(s.pending, id)
	s.mu.Unlock()
	if request == nil || !s.cfg.Now().Before(request.expires) {
		writeErrorPage(w, "This question has been answered already, or it took too long. Start again in the program that asked.")
		return
	}
	if r.PostForm.Get("decision") == "allow" {
		s.allow(w, r, request)
		return
	}
	s.deny(w, r, request)
}

func (s *Server) allow(w http.ResponseWriter, r *http.Request, request *authorizationRequest) {
	now := s.cfg.Now()
	text := newSecret("ac-")
	s.mu.Lock()
	s.codes[text] = &code{
		consent: &consent{
			client: request.client.ID, user: request.user, scopes: request.scopes, nonce: request.nonce,
			resources: request.resources, redirectURI: request.redirectURI, anew: request.anew, at: now,
		},
		challenge: request.challenge,
		expires:   now.Add(codeLifetime),
		boundTo:   request.boundTo,
	}
	s.mu.Unlock()
	s.redirect(w, r, request, url.Values{"code": {text}})
}

func (s *Server) deny(w http.ResponseWriter, r *http.Request, request *authorizationRequest) {
	s.redirect(w, r, request, url.Values{"error": {"access_denied"}, "error_description": {"the person said no"}})
}

// redirect sends the authorization response (RFC 6749 §4.1.2) with state as it came and iss (RFC 9207 §2). It is a 303,
// so that no form is ever sent on (RFC 9700 §4.12).
func (s *Server) redirect(w http.ResponseWriter, r *http.Request, request *authorizationRequest, answer url.Values) {
	answer.Set("iss", s.cfg.Issuer)
	if request.state != "" {
		answer.Set("state", request.state)
	}
	if request.formPost {
		writeFormPostPage(w, request.redirectURI, answer)
		return
	}
	separator := "?"
	if strings.Contains(request.redirectURI, "?") {
		separator = "&"
	}
	http.Redirect(w, r, request.redirectURI+separator+answer.Encode(), http.StatusSeeOther)
}
