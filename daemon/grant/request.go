package grant

import (
	"cmp"
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"oauthd/daemon/provider"
)

// requestTimeout bounds one request, whatever the caller's context allows.
const requestTimeout = 30 * time.Second

// Request is one request to a provider. It is never sent twice.
type Request struct {
	// Op names the request in errors, such as "token request".
	Op string
	// Method is the HTTP method, Endpoint the URL.
	Method, Endpoint string
	// Place is the endpoint as errors name it; "" means Endpoint without its query.
	Place string
	// Header is sent as it is, with a User-Agent added to it; nil for none.
	Header http.Header
	// Body is what is sent; "" for nothing.
	Body string
	// Secrets are what an error must not repeat if the answer quotes it; the Authorization header need not be among them.
	Secrets []string
	// Through sends the request instead of the client's transport, to any URL: the caller has checked it. If it is nil,
	// Endpoint must pass [provider.CheckURL].
	Through http.RoundTripper
}

// Send sends r once. If there is no error there is an answer, with any status.
func (c *Client) Send(ctx context.Context, r Request) (Answer, *ProviderError) {
	a := Answer{op: r.Op, place: cmp.Or(r.Place, place(r.Endpoint)), secrets: append(authorizationOf(r.Header), r.Secrets...)}
	fail := &ProviderError{Op: a.op, Endpoint: a.place}
	client := c.http()
	if r.Through != nil {
		client = provider.Harden(&http.Client{Transport: r.Through})
	} else if err := provider.CheckURL(r.Endpoint); err != nil {
		fail.Kind, fail.Reason = Configuration, err.Error()
		return Answer{}, fail
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	// net/http offers to send a body again if it can rewind it; a onceBody has no GetBody, so nothing can.
	body := &onceBody{text: strings.NewReader(r.Body)}
	var reader io.Reader
	if r.Body != "" {
		reader = body
	}
	req, err := http.NewRequestWithContext(ctx, r.Method, r.Endpoint, reader)
	if err != nil {
		fail.Kind, fail.Reason = Configuration, "the endpoint is not a URL"
		return Answer{}, fail
	}
	req.ContentLength = int64(len(r.Body))
	if r.Header != nil {
		req.Header = r.Header
	}
	req.Header.Set("User-Agent", c.userAgent())

	a.sentAt = c.Clock()
	res, err := client.Do(req)
	if err != nil {
		fail.Kind, fail.cause = Transient, provider.SafeCause(err)
		fail.Ambiguous = body.begun.Load()
		return Answer{}, fail
	}
	defer func() { _ = res.Body.Close() }()
	a.read(res, c.Clock)
	c.nonces.note(r.Endpoint, a.Header, a.now)
	return a, nil
}

// post sends form to endpoint, once, with auth applied.
func (c *Client) post(
	ctx context.Context, op, endpoint string, auth ClientAuth, form url.Values,
) (Answer, *ProviderError) {
	header := wants("application/x-www-form-urlencoded")
	if err := auth.apply(form, header, endpoint, c.Clock()); err != nil {
		return Answer{}, &ProviderError{Kind: Configuration, Op: op, Endpoint: place(endpoint), Reason: err.Error()}
	}
	return c.submit(ctx, op, endpoint, auth, form, header)
}

// submit sends form with header; auth has been applied to both.
func (c *Client) submit(
	ctx context.Context, op, endpoint string, auth ClientAuth, form url.Values, header http.Header,
) (Answer, *ProviderError) {
	secrets := []string{auth.Secret.Reveal()}
	for _, name := range []string{
		"assertion", "client_assertion", "code", "code_verifier", "device_code", "refresh_token", "state", "subject_token", "token",
	} {
		secrets = append(secrets, form.Get(name))
	}
	return c.Send(ctx, Request{
		Op: op, Method: http.MethodPost, Endpoint: endpoint, Header: header, Body: form.Encode(), Secrets: secrets,
	})
}

// authorizationOf returns the Authorization header, and its credentials alone.
func authorizationOf(h http.Header) []string {
	whole := h.Get("Authorization")
	_, credentials, _ := strings.Cut(whole, " ")
	return []string{whole, credentials}
}

// wants returns the header of a request that asks for JSON and has a body of type contentType; "" if it has none.
func wants(contentType string) http.Header {
	h := http.Header{"Accept": {"application/json"}}
	if contentType != "" {
		h.Set("Content-Type", contentType)
	}
	return h
}

// place returns endpoint as errors name it: without its query, which may hold a secret.
func place(endpoint string) string {
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" {
		return "(no URL)"
	}
	return u.Scheme + "://" + u.Host + u.EscapedPath()
}

// onceBody is a request body that can be read once, and knows whether the transport began to: from then on the provider
// may have seen the request.
type onceBody struct {
	text  *strings.Reader
	begun atomic.Bool
}

// Read implements [io.Reader].
func (b *onceBody) Read(p []byte) (int, error) {
	b.begun.Store(true)
	return b.text.Read(p)
}
