package oauthtest

import (
	"encoding/json"
	"slices"
)

// clientOfDocument returns the client that a client id metadata document describes (draft-ietf-oauth-client-id-metadata-document
// §4): a native public one that may log in, whose id is the URL of the document.
func clientOfDocument(url, document string) (Client, bool) {
	m := registration{
		// The defaults of RFC 7591 §2.
		AuthMethod: AuthBasic, GrantTypes: []string{"authorization_code"}, ResponseTypes: []string{"code"},
	}
	if json.Unmarshal([]byte(document), &m) != nil || m.ClientID != url || m.AuthMethod != AuthNone ||
		len(m.RedirectURIs) == 0 || slices.ContainsFunc(m.RedirectURIs, notNative) || !slices.Contains(m.ResponseTypes, "code") {
		return Client{}, false
	}
	return Client{ID: url, Name: m.ClientName, RedirectURIs: m.RedirectURIs, AuthMethod: AuthNone, GrantTypes: m.GrantTypes}, true
}

// SetClientMetadata changes what is found at the URL of a client id metadata document; "" means nothing. Tokens
// that its client has got stay, but without a document no request of that client is accepted.
func (s *Server) SetClientMetadata(url, document string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.documents == nil {
		s.documents = map[string]string{}
	}
	s.documents[url] = document
}
