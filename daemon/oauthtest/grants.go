package oauthtest

import (
	"crypto/rand"
	"slices"
	"strings"
	"time"
)

// consent is what a person has allowed a client; every code and token belongs to one and ends with it.
type consent struct {
	client string
	user   User
	scopes []string
	nonce  string
	// resources are those the authorization was asked for (RFC 8707 §2.1).
	resources []string
	// redirectURI is that of the authorization request; "" for other grants.
	redirectURI string
	anew        bool      // the person was asked although there may be an earlier consent
	at          time.Time // when the person logged in
	revoked     bool
}

type code struct {
	consent   *consent
	challenge string
	expires   time.Time
	spent     bool
	boundTo   string // the thumbprint of a key (RFC 9449 §10); "" for none
}

type accessToken struct {
	consent  *consent
	scopes   []string
	audience []string
	expires  time.Time
	boundTo  string // the thumbprint of a key (RFC 9449 §6); "" for a bearer token
}

type refreshToken struct {
	consent *consent
	spent   bool
	boundTo string // the thumbprint of a key (RFC 9449 §5); "" for none
}

// newSecret returns an unguessable text; the prefix lets a test that searches output for secrets know it again.
func newSecret(prefix string) string { return prefix + rand.Text() }

// newAccessTokenLocked mints an access token and forgets those that have expired.
func (s *Server) newAccessTokenLocked(c *consent, scopes, audience []string) string {
	now := s.cfg.Now()
	for text, t := range s.access {
		if !now.Before(t.expires) {
			delete(s.access, text)
		}
	}
	text := newSecret("at-")
	s.access[text] = &accessToken{
		consent: c, scopes: scopes, audience: audience, expires: now.Add(s.cfg.AccessTokenLifetime),
	}
	return text
}

func (s *Server) newRefreshTokenLocked(c *consent) string {
	text := newSecret("rt-")
	s.refresh[text] = &refreshToken{consent: c}
	return text
}

// holdsRefreshTokenLocked reports whether c's person has granted c's client before, and it was given a refresh token.
func (s *Server) holdsRefreshTokenLocked(c *consent) bool {
	for _, t := range s.refresh {
		if t.consent.client == c.client && t.consent.user.Subject == c.user.Subject && !t.consent.revoked {
			return true
		}
	}
	return false
}

// RevokeAll ends every grant, as when the person withdraws consent: no code, access or refresh token given out so far
// works any more.
func (s *Server) RevokeAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.revokeLocked(func(*consent) bool { return true })
}

// revokeLocked ends the consents that are meant.
func (s *Server) revokeLocked(meant func(*consent) bool) {
	end := func(c *consent) { c.revoked = c.revoked || meant(c) }
	for _, c := range s.codes {
		end(c.consent)
	}
	for _, d := range s.devices {
		end(d.consent)
	}
	for _, t := range s.access {
		end(t.consent)
	}
	for _, t := range s.refresh {
		end(t.consent)
	}
}

// Active reports whether a refresh with refreshToken would be granted now.
func (s *Server) Active(refreshToken string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.refresh[refreshToken]
	return t != nil && !t.spent && !t.consent.revoked
}

// RefreshTokens returns the number of active refresh tokens.
func (s *Server) RefreshTokens() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, t := range s.refresh {
		if !t.spent && !t.consent.revoked {
			n++
		}
	}
	return n
}

// SetUser makes u the person who logs in from now on. Grants that exist stay with whom they were given by.
func (s *Server) SetUser(u User) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.user = u
}

// DenyNext makes the next authorization request that [Config.AutoApprove] would approve end in access_denied.
func (s *Server) DenyNext() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.denyNext = true
}

// parseScope splits a scope parameter (RFC 6749 §3.3); ok is false if it is empty or not well formed.
func parseScope(text string) (scopes []string, ok bool) {
	for name := range strings.SplitSeq(text, " ") {
		if name == "" {
			return nil, false
		}
		if !slices.Contains(scopes, name) {
			scopes = append(scopes, name)
		}
	}
	return scopes, true
}

// within reports whether all of scopes are among those in outer.
func within(scopes, outer []string) bool {
	return !slices.ContainsFunc(scopes, func(name string) bool { return !slices.Contains(outer, name) })
}
