package grant

import (
	"net/http"
	"sync"
	"time"

	"oauthd/daemon/provider"
)

// Client speaks to the endpoints of providers. The zero Client is ready to use; it is safe for concurrent use and must
// not be copied after its first use.
type Client struct {
	// HTTP sends the requests; nil means [provider.NewHTTPClient]. Its redirect policy and cookie jar are not used.
	HTTP *http.Client
	// Now is the wall clock; nil means [time.Now].
	Now func() time.Time
	// UserAgent is the User-Agent header; "" means "oauthd".
	UserAgent string

	once sync.Once
	hard *http.Client

	nonces nonces

	mu   sync.Mutex // guards keys; never held while waiting
	keys map[string]keyRing
}

// Transport returns what carries the client's requests.
func (c *Client) Transport() http.RoundTripper {
	if transport := c.http().Transport; transport != nil {
		return transport
	}
	return http.DefaultTransport
}

// Clock returns the wall time, without a monotonic reading.
func (c *Client) Clock() time.Time {
	if c.Now == nil {
		return time.Now().Round(0)
	}
	return c.Now().Round(0)
}

func (c *Client) http() *http.Client {
	c.once.Do(func() { c.hard = provider.Harden(c.HTTP) })
	return c.hard
}

func (c *Client) userAgent() string {
	if c.UserAgent == "" {
		return "oauthd"
	}
	return c.UserAgent
}
