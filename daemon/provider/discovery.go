package provider

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// ErrNoDiscovery means that the issuer's host answered and has no discovery document: it is not an issuer.
var ErrNoDiscovery = errors.New("not an issuer: no discovery document")

// IssuerMismatchError means that the only discovery documents found name another issuer, and so must not be used (RFC
// 8414 §3.3).
type IssuerMismatchError struct {
	// Want is the issuer that was asked for, Got an excerpt of the one in the document, and URL the document's address.
	Want, Got, URL string
}

// Error names both issuers.
func (e *IssuerMismatchError) Error() string {
	return fmt.Sprintf("the discovery document at %s belongs to the issuer %q, not to %q", e.URL, e.Got, e.Want)
}

// DiscoveryError means that there is no usable discovery document.
type DiscoveryError struct {
	// URL is the address at which discovery failed.
	URL string
	// RetryAfter is how long the server asks to wait; 0 if it does not say.
	RetryAfter time.Duration

	transient bool
	cause     error
}

// Error says what is wrong and at which URL. It quotes nothing from the document but the names of its fields.
func (e *DiscoveryError) Error() string { return fmt.Sprintf("discovery at %s: %v", e.URL, e.cause) }

// Unwrap returns what is wrong.
func (e *DiscoveryError) Unwrap() error { return e.cause }

// Transient reports whether another try later may succeed, and how long the server asks to wait before it.
func (e *DiscoveryError) Transient() (retryAfter time.Duration, ok bool) {
	return e.RetryAfter, e.transient
}

// Pause reports whether the document is asked for again only after a pause, and how long the server asks that to be.
func (e *DiscoveryError) Pause() (retryAfter time.Duration, ok bool) { return e.Transient() }

// Discover reads the metadata of the authorization server with that issuer (RFC 8414 §3, OpenID Connect Discovery 1.0
// §4). It tries the well-known URLs in turn, follows no redirect, and takes only a document whose issuer is equal to
// issuer, byte by byte. For an issuer of the built-in table the table's rules apply to the discovered endpoints. A nil
// client means [NewHTTPClient]; the whole takes at most 30 s.
//
// Errors are *[DiscoveryError], *[IssuerMismatchError], or wrap [ErrNoDiscovery]; an issuer that [CheckIssuer] refuses
// is none of them.
func Discover(ctx context.Context, client *http.Client, issuer string) (Provider, error) {
	if err := CheckIssuer(issuer); err != nil {
		return Provider{}, fmt.Errorf("issuer: %w", err)
	}
	return discover(ctx, client, issuer, wellKnown(issuer))
}

// discover is [Discover] at these URLs.
func discover(ctx context.Context, client *http.Client, issuer string, urls []string) (Provider, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	ctx, seen := see(ctx, issuer)
	client = Harden(client)

	var failed error
	for _, at := range urls {
		p, err := discoverAt(ctx, client, issuer, at)
		if err == nil {
			p.strangers = strangersIn(issuer, seen.at(), p.Row.named())
			return p, nil
		}
		if ctx.Err() != nil {
			return Provider{}, err
		}
		if failed == nil || weight(err) > weight(failed) {
			failed = err
		}
	}
	return Provider{}, failed
}

// weight orders the errors of several URLs by how much they say: trouble that may pass, a document that belongs to another
// issuer, a broken document, no document.
func weight(err error) int {
	var (
		trouble  *DiscoveryError
		mismatch *IssuerMismatchError
	)
	switch {
	case errors.As(err, &mismatch):
		return 2
	case errors.As(err, &trouble) && trouble.transient:
		return 3
	case errors.As(err, &trouble):
		return 1
	default:
		return 0
	}
}

// wellKnown returns the URLs to try, RFC 8414 §3.1 first, then OpenID Connect's two readings of it.
func wellKnown(issuer string) []string {
	u, err := url.Parse(issuer)
	if err != nil {
		return nil
	}
	path := strings.TrimSuffix(u.EscapedPath(), "/")
	base := u.Scheme + "://" + u.Host
	urls := []string{
		base + "/.well-known/oauth-authorization-server" + path,
		base + "/.well-known/openid-configuration" + path,
	}
	if path != "" {
		urls = append(urls, base+path+"/.well-known/openid-configuration")
	}
	return urls
}

func discoverAt(ctx context.Context, client *http.Client, issuer, at string) (Provider, error) {
	wrong := func(err error) error { return &DiscoveryError{URL: at, cause: err} }
	trouble := func(err error) *DiscoveryError { return &DiscoveryError{URL: at, cause: err, transient: true} }

	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return Provider{}, wrong(errors.New("not a URL"))
	}
	req.Header.Set("Accept", "application/json")
	res, err := client.Do(req)
	if err != nil {
		return Provider{}, trouble(SafeCause(err))
	}
	defer func() { _ = res.Body.Close() }()
	switch code := res.StatusCode; {
	case code == http.StatusOK:
	case code >= 300 && code < 400:
		return Provider{}, wrong(fmt.Errorf("the answer is a redirect (%d), which is not followed", code))
	case code >= 500 || code == http.StatusTooManyRequests || code == http.StatusRequestTimeout:
		e := trouble(fmt.Errorf("the server answers %d", code))
		e.RetryAfter = RetryAfter(res.Header, time.Now())
		return Provider{}, e
	default:
		return Provider{}, fmt.Errorf("%s is %w", issuer, ErrNoDiscovery)
	}
	body, whole, err := ReadBody(res.Body)
	switch {
	case err != nil:
		return Provider{}, trouble(SafeCause(err))
	case !whole:
		return Provider{}, wrong(fmt.Errorf("the document is larger than %d bytes", MaxBody))
	}
	p, err := parseDocument(issuer, body)
	var mismatch *IssuerMismatchError
	if errors.As(err, &mismatch) {
		mismatch.URL = at
		return Provider{}, mismatch
	}
	if err != nil {
		return Provider{}, wrong(err)
	}
	return p, nil
}
