package google

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

	"oauthd/daemon/grant"
	"oauthd/daemon/provider"
)

// errWitnessed is all that a library learns of an answer that is not a success.
var errWitnessed = errors.New("the request was refused")

// witness sends the requests of a library by the rules of [grant.Client.Send] and remembers the last answer. The
// library sees successes only, so that its errors cannot quote what a provider says, and it cannot follow, repeat or
// misread anything. A witness serves one request at a time.
type witness struct {
	grants *grant.Client
	// op names the requests in errors.
	op string
	// metadata is true if a metadata server is asked: it identifies itself in a header, is not reached through a proxy,
	// and its path may hold a secret.
	metadata bool

	secrets []string
	asked   bool
	last    grant.Answer
	fail    *grant.ProviderError
}

var _ http.RoundTripper = (*witness)(nil)

// httpClient returns the client for the library to use.
func (w *witness) httpClient() *http.Client {
	return provider.Harden(&http.Client{Transport: w})
}

// context makes golang.org/x/oauth2 use the witness.
func (w *witness) context(ctx context.Context) context.Context {
	return context.WithValue(ctx, oauth2.HTTPClient, w.httpClient())
}

// RoundTrip implements [http.RoundTripper].
func (w *witness) RoundTrip(req *http.Request) (*http.Response, error) {
	w.asked, w.last, w.fail = true, grant.Answer{}, nil
	request, err := w.request(req)
	if err != nil {
		return nil, err
	}
	a, fail := w.grants.Send(req.Context(), request)
	if fail == nil {
		w.last, fail = a, w.unfit(a)
	}
	if fail != nil {
		w.fail = fail
		return nil, errWitnessed
	}
	return &http.Response{
		Status: http.StatusText(a.Status), StatusCode: a.Status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: a.Header, Body: io.NopCloser(bytes.NewReader(a.Body)), ContentLength: int64(len(a.Body)), Request: req,
	}, nil
}

// request returns what a library wants to send, and remembers what of it an answer might quote.
func (w *witness) request(req *http.Request) (grant.Request, error) {
	r := grant.Request{
		Op: w.op, Method: req.Method, Endpoint: req.URL.String(), Header: req.Header.Clone(), Through: w.transport(req.URL),
	}
	if w.metadata {
		r.Place = req.URL.Scheme + "://" + req.URL.Host
	}
	for _, name := range []string{"Authorization", "X-Aws-Ec2-Metadata-Token"} {
		value := req.Header.Get(name)
		_, credentials, _ := strings.Cut(value, " ")
		w.secrets = append(w.secrets, value, credentials)
	}
	if req.Body != nil && req.Body != http.NoBody {
		body, err := io.ReadAll(req.Body)
		_ = req.Body.Close()
		if err != nil {
			return grant.Request{}, err
		}
		r.Body = string(body)
	}
	if form, err := url.ParseQuery(r.Body); err == nil {
		for _, name := range []string{"subject_token", "client_secret", "refresh_token"} {
			w.secrets = append(w.secrets, form.Get(name))
		}
	}
	r.Secrets = w.secrets
	return r, nil
}

// unfit is why a library must not see an answer, or nil.
func (w *witness) unfit(a grant.Answer) *grant.ProviderError {
	switch {
	case w.metadata && a.Header.Get("Metadata-Flavor") != "Google":
		return a.Fail(grant.Configuration, "the answer is not from a metadata server")
	case a.OK() && a.Whole():
		return nil
	}
	_, fail := a.TokenMembers()
	return fail
}

// problem is why a library gave no token: what a provider said, or nil if none was asked.
func (w *witness) problem() *grant.ProviderError {
	if w.fail != nil || !w.asked {
		return w.fail
	}
	if _, fail := w.last.TokenMembers(); fail != nil {
		return fail
	}
	return w.last.Fail(grant.Unknown, "the answer cannot be used")
}

func (w *witness) transport(u *url.URL) http.RoundTripper {
	if w.metadata || isMetadataAddress(u.Hostname()) {
		return direct(w.grants)
	}
	return w.grants.Transport()
}

// direct returns the usual transport without a proxy: that could not reach this machine's metadata server, or would
// reach its own.
func direct(grants *grant.Client) http.RoundTripper {
	usual, ok := grants.Transport().(*http.Transport)
	if !ok {
		return grants.Transport()
	}
	direct := usual.Clone()
	direct.Proxy, direct.DisableKeepAlives = nil, true
	direct.ResponseHeaderTimeout = 5 * time.Second
	return direct
}

// isMetadataAddress reports whether host is an address at which clouds serve their machines' metadata: a link-local
// one, or that of AWS for IPv6.
func isMetadataAddress(host string) bool {
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Zone() == "" && (addr.IsLinkLocalUnicast() || addr == netip.MustParseAddr("fd00:ec2::254"))
}
