package grant

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"oauthd/daemon/provider"
)

// errWitnessed is all that a library learns of an answer that is no success.
var errWitnessed = errors.New("the request was refused")

// witness sends the requests of a library by this package's rules and keeps the last answer. The library sees successes
// alone, so that its errors cannot quote what a provider says, and it cannot follow, repeat or misread anything. A witness
// serves one request at a time.
type witness struct {
	client *Client
	// op names the requests in errors.
	op string
	// metadata is set where a metadata server is asked: it says who it is in a header, is not reached through a proxy, and
	// its path may hold a secret.
	metadata bool

	secrets []string
	last    answer
	fail    *ProviderError
}

var _ http.RoundTripper = (*witness)(nil)

// httpClient is what the library is to use.
func (w *witness) httpClient() *http.Client {
	return provider.Harden(&http.Client{Transport: w})
}

// context makes golang.org/x/oauth2 use the witness.
func (w *witness) context(ctx context.Context) context.Context {
	return context.WithValue(ctx, oauth2.HTTPClient, w.httpClient())
}

// RoundTrip implements [http.RoundTripper].
func (w *witness) RoundTrip(req *http.Request) (*http.Response, error) {
	w.last, w.fail = answer{}, nil
	ctx, cancel := context.WithTimeout(req.Context(), requestTimeout)
	defer cancel()
	sent := req.Clone(ctx)
	sent.GetBody = nil
	if err := w.remember(sent); err != nil {
		return nil, err
	}
	sent.Header.Set("User-Agent", w.client.userAgent())
	a := answer{op: w.op, endpoint: w.place(req.URL), secrets: w.secrets, sentAt: w.client.now()}
	res, err := w.transport(req.URL).RoundTrip(sent)
	if err != nil {
		w.fail = &ProviderError{Kind: Transient, Op: a.op, Endpoint: a.endpoint, cause: provider.SafeCause(err)}
		return nil, errWitnessed
	}
	defer func() { _ = res.Body.Close() }()
	a.read(res, w.client.now)
	w.last = a
	switch {
	case w.metadata && res.Header.Get("Metadata-Flavor") != "Google":
		w.fail = a.fail(Configuration, "the answer is not from a metadata server")
	case !a.ok() || a.broken != nil || a.tooLarge:
		_, w.fail = a.members()
	}
	if w.fail != nil {
		return nil, errWitnessed
	}
	answered := *res
	answered.Body, answered.ContentLength = io.NopCloser(bytes.NewReader(a.body)), int64(len(a.body))
	return &answered, nil
}

// problem is why a library gave no token: what a provider said, or nil where none was asked.
func (w *witness) problem() *ProviderError {
	switch {
	case w.fail != nil:
		return w.fail
	case w.last.op != "":
		return w.last.fail(Unknown, "the answer cannot be used")
	default:
		return nil
	}
}

// remember notes what a request carries that an answer might quote.
func (w *witness) remember(req *http.Request) error {
	for _, name := range []string{"Authorization", "X-Aws-Ec2-Metadata-Token"} {
		if value := req.Header.Get(name); value != "" {
			_, bare, _ := strings.Cut(value, " ")
			w.secrets = append(w.secrets, value, bare)
		}
	}
	if req.Body == nil || req.Body == http.NoBody {
		return nil
	}
	body, err := io.ReadAll(req.Body)
	_ = req.Body.Close()
	if err != nil {
		return err
	}
	if form, err := url.ParseQuery(string(body)); err == nil {
		for _, name := range []string{"subject_token", "client_secret", "refresh_token"} {
			w.secrets = append(w.secrets, form.Get(name))
		}
	}
	req.Body = io.NopCloser(bytes.NewReader(body))
	return nil
}

func (w *witness) place(u *url.URL) string {
	if w.metadata {
		return u.Scheme + "://" + u.Host
	}
	return place(u.String())
}

func (w *witness) transport(u *url.URL) http.RoundTripper {
	if w.metadata || isMetadataAddress(u.Hostname()) {
		return w.client.direct()
	}
	return w.client.usual()
}

func (c *Client) usual() http.RoundTripper {
	if transport := c.http().Transport; transport != nil {
		return transport
	}
	return http.DefaultTransport
}

// direct is the usual transport without a proxy, which could not reach this machine's own metadata server, or would reach
// its own.
func (c *Client) direct() http.RoundTripper {
	usual, ok := c.usual().(*http.Transport)
	if !ok {
		return c.usual()
	}
	direct := usual.Clone()
	direct.Proxy, direct.DisableKeepAlives = nil, true
	direct.ResponseHeaderTimeout = 5 * time.Second
	return direct
}

// isMetadataAddress reports whether host is an address at which clouds have their machines' metadata: link-local, or
// AWS' own.
func isMetadataAddress(host string) bool {
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Zone() == "" && (addr.IsLinkLocalUnicast() || addr == netip.MustParseAddr("fd00:ec2::254"))
}
