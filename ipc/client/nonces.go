package client

import (
	"net/http"
	"net/url"
	"strings"
	"sync"

	"oauthd/ipc/api"
)

// maxNonces is how many servers have their nonce remembered.
const maxNonces = 256

// Nonces are the last DPoP nonces of servers, by scheme and host (RFC 9449 §9), for the [api.ProofRequest.Nonce] of the next
// request. The zero Nonces are ready, and safe for concurrent use.
type Nonces struct {
	mu sync.Mutex // guards of
	of map[string]string
}

// For returns the nonce for a request to u; "" if its server has given none.
func (n *Nonces) For(u *url.URL) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.of[serverOf(u)]
}

// Note remembers the nonce of an answer that came from u, if it has one. wanted is true if the server refuses the request
// because its proof had another nonce than that, or none: the request is then to be sent again, with a new proof.
func (n *Nonces) Note(u *url.URL, answer *http.Response) (wanted bool) {
	given := answer.Header.Get("DPoP-Nonce")
	if given == "" {
		return false
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.of == nil {
		n.of = map[string]string{}
	}
	server := serverOf(u)
	if _, known := n.of[server]; !known && len(n.of) >= maxNonces {
		for other := range n.of {
			delete(n.of, other) // whichever; its server gives another
			break
		}
	}
	n.of[server] = given
	return answer.StatusCode == http.StatusUnauthorized &&
		strings.Contains(strings.Join(answer.Header.Values("WWW-Authenticate"), ","), `"use_dpop_nonce"`)
}

func serverOf(u *url.URL) string { return u.Scheme + "://" + strings.ToLower(u.Host) }

// SetHeader puts into h what p says of a request: its Authorization header, and its proof if there is one.
func SetHeader(h http.Header, p api.Proof) {
	scheme := p.TokenType
	if p.Proof == "" {
		scheme = "Bearer"
		h.Del("DPoP")
	} else {
		h.Set("DPoP", p.Proof)
	}
	h.Set("Authorization", scheme+" "+p.AccessToken)
}
