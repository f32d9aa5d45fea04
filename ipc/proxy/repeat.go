package proxy

import (
	"bytes"
	"io"
	"net/http"
)

// mostReplayed is how long a body may be, in bytes, that is held so that it can be sent again.
const mostReplayed = 64 << 10

// onlyRepeatable sends requests so that the transport below, which repeats what it can once a token was refused, repeats
// none that might do something twice.
type onlyRepeatable struct{ below http.RoundTripper }

// RoundTrip implements [http.RoundTripper].
func (t onlyRepeatable) RoundTrip(r *http.Request) (*http.Response, error) {
	switch {
	case !idempotent(r.Method):
		if r.Body == nil {
			r.Body = http.NoBody
		}
		r.Body = once{r.Body}
	case r.Body != nil && r.Body != http.NoBody && r.ContentLength > 0 && r.ContentLength <= mostReplayed:
		body, err := io.ReadAll(r.Body)
		_ = r.Body.Close()
		if err != nil {
			return nil, err
		}
		r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
		r.Body, _ = r.GetBody()
	}
	return t.below.RoundTrip(r)
}

// once is a body that cannot be had again, even if it is empty.
type once struct{ io.ReadCloser }

// idempotent reports whether a request may be sent twice (RFC 9110 §9.2.2).
func idempotent(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodPut, http.MethodDelete:
		return true
	}
	return false
}
