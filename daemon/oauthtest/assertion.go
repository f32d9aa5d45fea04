package oauthtest

import (
	"errors"
	"net/url"
	"slices"
	"time"
)

const (
	clientAssertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
	// assertionLifetime is how far ahead the end of an assertion may lie.
	assertionLifetime = time.Hour
)

// authenticateByKey checks a client assertion (RFC 7523 §2.2, §3) and returns the client that has signed it. jti is
// required, and is taken once (OpenID Connect Core §9).
func (s *Server) authenticateByKey(form url.Values) (Client, error) {
	if form.Get("client_assertion_type") != clientAssertionType {
		return Client{}, errors.New("client_assertion_type is not that of a JWT")
	}
	a, err := parseAssertion(form.Get("client_assertion"))
	if err != nil {
		return Client{}, err
	}
	id := form.Get("client_id")
	client, known := s.client(a.claims.Issuer)
	now := s.cfg.Now()
	switch {
	case !known, client.AuthMethod != AuthPrivateKeyJWT, a.claims.Subject != client.ID, id != "" && id != client.ID:
		return Client{}, errors.New("iss, sub and client_id are not one client that signs assertions")
	case !a.signedBy(client.Keys):
		return Client{}, errSignature
	case !isAudience(a.claims.Audience, s.cfg.Issuer, s.url("/token")):
		return Client{}, errors.New("aud is neither the token endpoint nor the issuer")
	case !a.timely(now):
		return Client{}, errors.New("exp is missing, past or more than an hour ahead, or iat or nbf is ahead")
	case a.claims.ID == "":
		return Client{}, errors.New("jti is missing")
	case !s.takeAssertion(client.ID, a.claims.ID, a.claims.Expires.Time, now):
		return Client{}, errors.New("jti was used before")
	}
	return client, nil
}

// isAudience reports whether an assertion is for this server and for nobody else (RFC 7523 §3, point 3): whoever else it
// names could use it here.
func isAudience(got audience, names ...string) bool {
	return len(got) > 0 && !slices.ContainsFunc(got, func(name string) bool { return !slices.Contains(names, name) })
}

// timely reports whether the assertion is valid now, and ends within an hour (RFC 7523 §3, points 4 to 6).
func (a assertion) timely(now time.Time) bool {
	c := a.claims
	return c.Expires != nil && now.Before(c.Expires.Time) && !c.Expires.After(now.Add(assertionLifetime)) &&
		(c.IssuedAt == nil || !c.IssuedAt.After(now)) && (c.NotBefore == nil || !c.NotBefore.After(now))
}

// takeAssertion reports whether the client has not used id before, and remembers it until its assertion has expired.
func (s *Server) takeAssertion(client, id string, expires, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for old, end := range s.assertions {
		if !now.Before(end) {
			delete(s.assertions, old)
		}
	}
	key := assertionID{client, id}
	if _, used := s.assertions[key]; used {
		return false
	}
	s.assertions[key] = expires
	return true
}

// assertionID names an assertion: jti is unique for each issuer alone (RFC 7519 §4.1.7).
type assertionID struct{ client, id string }
