package oauthtest

import (
	"net/url"
	"slices"
)

const clientCredentialsGrantType = "client_credentials"

// ownToken gives a client a token in its own name (RFC 6749 §4.4): no refresh token, no ID token. Of the scopes asked
// for it gets those that are its own.
func (s *Server) ownToken(client Client, form url.Values) (issue, *oauthError) {
	own := s.ownScopes(client)
	scopes := own
	if text := form.Get("scope"); text != "" {
		asked, ok := parseScope(text)
		if !ok || !within(asked, s.cfg.Scopes) {
			return issue{}, &oauthError{400, "invalid_scope", "scope is not well formed or not supported"}
		}
		scopes = slices.DeleteFunc(asked, func(name string) bool { return !slices.Contains(own, name) })
	}
	if len(scopes) == 0 {
		return issue{}, &oauthError{400, "invalid_scope", "none of the scopes is the client's own"}
	}
	resources := slices.Clone(form["resource"])
	if name := form.Get("audience"); name != "" {
		resources = append(resources, name)
	}
	c := &consent{
		client: client.ID, user: User{Subject: client.ID, Name: client.Name}, scopes: scopes, resources: resources,
		at: s.cfg.Now(),
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return issue{
		consent: c, scopes: scopes, audience: resources, accessToken: s.newAccessTokenLocked(c, scopes, resources),
	}, nil
}

// ownScopes are those a client may have without a person, and so none that OpenID Connect Core §5.4 and §11 name.
func (s *Server) ownScopes(client Client) []string {
	personal := []string{"openid", "profile", "email", "address", "phone", "offline_access"}
	return slices.DeleteFunc(slices.Clone(s.cfg.Scopes), func(name string) bool {
		return slices.Contains(personal, name) || client.Scopes != nil && !slices.Contains(client.Scopes, name)
	})
}

// mayOwnToken reports whether the client may use the client credentials grant: it has to be confidential
// (RFC 6749 §4.4), and the grant has to be named.
func (c Client) mayOwnToken() bool {
	return c.AuthMethod != AuthNone && slices.Contains(c.GrantTypes, clientCredentialsGrantType)
}

// ownTokens reports whether some client may use the client credentials grant.
func (s *Server) ownTokens() bool {
	for _, c := range s.clients {
		if c.mayOwnToken() {
			return true
		}
	}
	return false
}
