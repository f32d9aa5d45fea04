package grant

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"oauthd/daemon/account"
	"oauthd/daemon/provider"
)

// requestTimeout bounds one request, whatever the caller's context allows.
const requestTimeout = 30 * time.Second

// Client speaks to the endpoints of providers. The zero Client is ready; it is safe for concurrent use and must not be
// copied after its first use.
type Client struct {
	// HTTP sends the requests; nil means [provider.NewHTTPClient]. Its redirect policy and cookie jar are not used.
	HTTP *http.Client
	// Now is the wall clock; nil means [time.Now].
	Now func() time.Time
	// UserAgent is the User-Agent header; "" means "oauthd".
	UserAgent string

	once sync.Once
	hard *http.Client

	mu   sync.Mutex // guards keys; never held while waiting
	keys map[string]keyRing
}

// ClientAuth is how a client authenticates at the token endpoint.
type ClientAuth struct {
	ID string
	// Secret is unset for a public client.
	Secret account.Secret
	// Method is the pinned one, see [provider.Provider.PinAuthMethod]; "" is refused.
	Method provider.AuthMethod
	// Key signs an assertion for each request of a client whose method is private_key_jwt (RFC 7523 §2.2); zero for
	// others.
	Key ClientKey
	// AssertionAudience is whom these assertions are for (RFC 7523 §3); "" means the URL the request goes to. Servers
	// differ: all take their token endpoint's URL at the token endpoint, and many only that, or their issuer, elsewhere.
	AssertionAudience string
}

// apply puts the authentication of a request to endpoint into exactly one place.
func (a ClientAuth) apply(form url.Values, h http.Header, endpoint string, now time.Time) error {
	for _, name := range []string{"client_id", "client_secret", "client_assertion", "client_assertion_type"} {
		form.Del(name)
	}
	switch {
	case a.ID == "":
		return errors.New("no client_id")
	case a.Method == provider.AuthNone:
		form.Set("client_id", a.ID)
		return nil
	case a.Method == provider.AuthPrivateKeyJWT && a.Key.IsZero():
		return errors.New("the pinned token_endpoint_auth_method needs a private key, and there is none")
	case a.Method == provider.AuthPrivateKeyJWT:
		return a.assert(form, endpoint, now)
	case a.Method != provider.AuthBasic && a.Method != provider.AuthPost:
		return errors.New("no token_endpoint_auth_method is pinned")
	case a.Secret.IsZero():
		return errors.New("the pinned token_endpoint_auth_method needs a client secret, and there is none")
	case a.Method == provider.AuthPost:
		form.Set("client_id", a.ID)
		form.Set("client_secret", a.Secret.Reveal())
		return nil
	default:
		// RFC 6749 §2.3.1: both parts are form-encoded before they are joined, unlike http.Request.SetBasicAuth.
		pair := url.QueryEscape(a.ID) + ":" + url.QueryEscape(a.Secret.Reveal())
		h.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(pair)))
		return nil
	}
}

// answer is what a provider said.
type answer struct {
	status int
	header http.Header
	body   []byte
	// tooLarge is true when body is only the first [provider.MaxBody] bytes.
	tooLarge bool
	// broken tells why reading body stopped early; nil when it is complete.
	broken error
	// sentAt is taken before the request left, so that what is counted from it ends early rather than late.
	sentAt time.Time
	now    time.Time
	// op and endpoint name the request in errors; secrets are what it carried.
	op, endpoint string
	secrets      []string
}

// post sends form to endpoint, once. With a nil error there is an answer, of whatever status.
func (c *Client) post(
	ctx context.Context, op, endpoint string, auth ClientAuth, form url.Values,
) (answer, *ProviderError) {
	header := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	if err := auth.apply(form, header, endpoint, c.now()); err != nil {
		return answer{}, &ProviderError{Kind: Configuration, Op: op, Endpoint: place(endpoint), Reason: err.Error()}
	}
	return c.submit(ctx, op, endpoint, auth, form, header)
}

// postAlone sends form to endpoint, once, as a request that needs no client to authenticate (RFC 7523 §2.1).
func (c *Client) postAlone(ctx context.Context, op, endpoint string, form url.Values) (answer, *ProviderError) {
	header := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	return c.submit(ctx, op, endpoint, ClientAuth{}, form, header)
}

// submit sends form with header, which auth has been applied to.
func (c *Client) submit(
	ctx context.Context, op, endpoint string, auth ClientAuth, form url.Values, header http.Header,
) (answer, *ProviderError) {
	a := answer{op: op, endpoint: place(endpoint), secrets: []string{auth.Secret.Reveal(), header.Get("Authorization")}}
	for _, name := range []string{
		"assertion", "client_assertion", "code", "code_verifier", "device_code", "refresh_token", "state", "token",
	} {
		a.secrets = append(a.secrets, form.Get(name))
	}
	body := form.Encode()
	return c.send(ctx, http.MethodPost, endpoint, header, &onceBody{text: strings.NewReader(body)}, int64(len(body)), a)
}

// get asks endpoint with an access token (RFC 6750 §2.1).
func (c *Client) get(ctx context.Context, op, endpoint string, access account.Secret) (answer, *ProviderError) {
	header := http.Header{"Authorization": {"Bearer " + access.Reveal()}}
	a := answer{op: op, endpoint: place(endpoint), secrets: []string{access.Reveal()}}
	return c.send(ctx, http.MethodGet, endpoint, header, nil, 0, a)
}

func (c *Client) send(
	ctx context.Context, method, endpoint string, header http.Header, body *onceBody, size int64, a answer,
) (answer, *ProviderError) {
	fail := &ProviderError{Op: a.op, Endpoint: a.endpoint}
	if err := provider.CheckURL(endpoint); err != nil {
		fail.Kind, fail.Reason = Configuration, err.Error()
		return answer{}, fail
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	// net/http offers to send a body again when it can rewind it; a onceBody has no GetBody, so nothing can.
	var reader io.Reader
	if body != nil {
		reader = body
	}
	req, err := http.NewRequestWithContext(ctx, method, endpoint, reader)
	if err != nil {
		fail.Kind, fail.Reason = Configuration, "not a URL"
		return answer{}, fail
	}
	req.ContentLength = size
	req.Header = header
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", c.userAgent())

	a.sentAt = c.now()
	res, err := c.http().Do(req)
	if err != nil {
		fail.Kind, fail.cause = Transient, provider.SafeCause(err)
		fail.Ambiguous = body != nil && body.begun.Load()
		return answer{}, fail
	}
	defer func() { _ = res.Body.Close() }()
	a.read(res, c.now)
	return a, nil
}

// read takes in what came; now is the clock at its end.
func (a *answer) read(res *http.Response, now func() time.Time) {
	a.status, a.header = res.StatusCode, res.Header
	body, whole, err := provider.ReadBody(res.Body)
	if err != nil {
		a.broken = provider.SafeCause(err)
	}
	a.body, a.tooLarge, a.now = body, !whole && err == nil, now()
}

func (c *Client) http() *http.Client {
	c.once.Do(func() { c.hard = provider.Harden(c.HTTP) })
	return c.hard
}

func (c *Client) now() time.Time {
	if c.Now == nil {
		return time.Now().Round(0)
	}
	return c.Now().Round(0)
}

func (c *Client) userAgent() string {
	if c.UserAgent == "" {
		return "oauthd"
	}
	return c.UserAgent
}

// place is endpoint as errors name it: without its query, which may hold what is nobody's business.
func place(endpoint string) string {
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" {
		return "(no URL)"
	}
	return u.Scheme + "://" + u.Host + u.EscapedPath()
}

// onceBody is a request body that can be read once, and tells whether the transport began to: from then on the
// provider may have seen the request.
type onceBody struct {
	text  *strings.Reader
	begun atomic.Bool
}

// Read implements [io.Reader].
func (b *onceBody) Read(p []byte) (int, error) {
	b.begun.Store(true)
	return b.text.Read(p)
}
