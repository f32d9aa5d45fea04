package grant

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

const (
	// maxNonces is how many servers have their nonce remembered, maxNonce how long one may be, in bytes.
	maxNonces = 256
	maxNonce  = 1024
	// freshNonce is for how long a nonce is taken for one that the server still accepts, where that matters.
	freshNonce = time.Minute
)

// nonces are the DPoP nonces that servers gave last (RFC 9449 §8.2), by scheme and host. The zero nonces are ready.
type nonces struct {
	mu sync.Mutex // guards of
	of map[string]nonce
}

// nonce is what is known of one server: the nonce that it gave, or "" for one that was asked and wants none.
type nonce struct {
	text string
	at   time.Time
}

// fresh reports whether a server that said this need not be asked for a nonce at the time now.
func (n nonce) fresh(now time.Time) bool {
	return !n.at.IsZero() && (n.text == "" || now.Sub(n.at).Abs() < freshNonce)
}

// get returns what is known of the server of endpoint; zero for nothing.
func (n *nonces) get(endpoint string) nonce {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.of[serverOf(endpoint)]
}

// put notes what the server of endpoint said. Of too many servers, the one that spoke longest ago is forgotten.
func (n *nonces) put(endpoint string, said nonce) {
	server := serverOf(endpoint)
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.of == nil {
		n.of = map[string]nonce{}
	}
	if _, known := n.of[server]; !known && len(n.of) >= maxNonces {
		oldest := ""
		for name, other := range n.of {
			if oldest == "" || other.at.Before(n.of[oldest].at) {
				oldest = name
			}
		}
		delete(n.of, oldest)
	}
	n.of[server] = said
}

// note remembers the nonce that an answer of endpoint has, if any.
func (n *nonces) note(endpoint string, h http.Header, now time.Time) {
	if text := nonceOf(h); text != "" {
		n.put(endpoint, nonce{text, now})
	}
}

// nonceOf returns the usable nonce of an answer; "" if it has none.
func nonceOf(h http.Header) string {
	if all := h.Values("DPoP-Nonce"); len(all) == 1 && usableNonce(all[0]) {
		return all[0]
	}
	return ""
}

// usableNonce reports whether text is one or more characters of NQCHAR (RFC 6749 appendix A), which RFC 9449 §8.1 has a
// nonce consist of.
func usableNonce(text string) bool {
	return text != "" && len(text) <= maxNonce && !strings.ContainsFunc(text, func(r rune) bool { return notGraphic(r) || r == '"' || r == '\\' })
}

func serverOf(endpoint string) string {
	u, err := url.Parse(endpoint)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + strings.ToLower(u.Host)
}
