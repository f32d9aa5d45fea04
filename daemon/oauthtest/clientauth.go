package oauthtest

import (
	"crypto/subtle"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"slices"
)

// readDirect checks a request that a client makes itself, to the token or the revocation endpoint, and returns the
// client it comes from and its parameters.
func (s *Server) readDirect(r *http.Request) (Client, url.Values, *oauthError) {
	form, problem := readForm(r)
	if problem != nil {
		return Client{}, nil, problem
	}
	c, err := s.authenticate(r)
	if err != nil {
		return Client{}, nil, &oauthError{401, "invalid_client", err.Error()}
	}
	return c, form, nil
}

// readForm returns the parameters of a request that no browser makes.
func readForm(r *http.Request) (url.Values, *oauthError) {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case err != nil || media != "application/x-www-form-urlencoded":
		return nil, &oauthError{400, "invalid_request", "the body is not application/x-www-form-urlencoded"}
	case r.URL.RawQuery != "":
		return nil, &oauthError{400, "invalid_request", "parameters belong in the body"}
	case repeated(r.PostForm):
		return nil, &oauthError{400, "invalid_request", "a parameter is given more than once"}
	}
	return r.PostForm, nil
}

// authenticate takes the client's own method and no other (RFC 6749 §2.3). A parameter without a value counts as
// absent (§3.2). The error is its description.
func (s *Server) authenticate(r *http.Request) (Client, error) {
	failed := errors.New("client authentication failed")
	id, secret, method := r.PostForm.Get("client_id"), r.PostForm.Get("client_secret"), AuthNone
	if secret != "" {
		method = AuthPost
	}
	if r.PostForm.Get("client_assertion") != "" {
		if secret != "" || r.Header.Values("Authorization") != nil {
			return Client{}, failed
		}
		return s.authenticateByKey(r.PostForm)
	}
	if r.Header.Values("Authorization") != nil {
		user, password, ok := basicAuth(r)
		if !ok || secret != "" || id != "" && id != user {
			return Client{}, failed
		}
		id, secret, method = user, password, AuthBasic
	}
	c, known := s.client(id)
	same := subtle.ConstantTimeCompare([]byte(c.Secret), []byte(secret)) == 1
	if !known || !same || c.AuthMethod != method {
		return Client{}, failed
	}
	return c, nil
}

// client returns the client of that id, whether it was configured, has registered itself, or is a document.
func (s *Server) client(id string) (Client, bool) {
	if c, ok := s.clients[id]; ok {
		return c, true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if c, ok := s.registered[id]; ok {
		return c, true
	}
	return clientOfDocument(id, s.documents[id])
}

// mayUse reports whether the client may use a grant type.
func (c Client) mayUse(grantType string) bool {
	if grantType == clientCredentialsGrantType {
		return c.mayOwnToken()
	}
	return c.GrantTypes == nil || slices.Contains(c.GrantTypes, grantType)
}

// basicAuth reads HTTP Basic as OAuth has it: name and password are form-encoded inside (RFC 6749 §2.3.1).
func basicAuth(r *http.Request) (id, secret string, ok bool) {
	user, password, ok := r.BasicAuth()
	if !ok {
		return "", "", false
	}
	id, err := url.QueryUnescape(user)
	if err != nil {
		return "", "", false
	}
	secret, err = url.QueryUnescape(password)
	return id, secret, err == nil
}

// repeated reports whether a parameter occurs more than once (RFC 6749 §3.1, §3.2); resource may (RFC 8707 §2).
func repeated(form url.Values) bool {
	for name, values := range form {
		if len(values) > 1 && name != "resource" {
			return true
		}
	}
	return false
}
