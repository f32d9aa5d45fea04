package provider

import (
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// MaxBody is the number of bytes of a provider's answer that are read; a longer answer is refused.
const MaxBody = 1 << 20

// maxRetryAfter keeps a provider from silencing us for days.
const maxRetryAfter = time.Hour

// NewHTTPClient returns an HTTP client fit for talking to providers: TLS 1.2 or later, the proxy the environment names,
// a time limit on each step, no cookies, no redirects (a 3xx is returned as the answer), and a new connection per
// request: providers are asked about once an hour, an idle connection costs memory, and after a failure on one that had
// died unnoticed nobody would know whether a refresh token was spent.
func NewHTTPClient() *http.Client {
	return &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy:                  checkedProxy(http.ProxyFromEnvironment),
			OnProxyConnectResponse: proxyAnswer,
			DialContext:            newDialer().dial,
			TLSHandshakeTimeout:    10 * time.Second,
			ResponseHeaderTimeout:  25 * time.Second,
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
			MaxResponseHeaderBytes: 64 << 10,
			DisableKeepAlives:      true,
		},
	}
}

// Harden returns a copy of c that follows no redirect and keeps no cookie, whatever c does; nil means a new
// [NewHTTPClient].
func Harden(c *http.Client) *http.Client {
	if c == nil {
		return NewHTTPClient()
	}
	h := *c
	h.Jar = nil
	h.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &h
}

// ReadBody reads at most [MaxBody] bytes. whole is false if there was more, or if reading failed; body then holds what
// was read.
func ReadBody(r io.Reader) (body []byte, whole bool, err error) {
	body, err = io.ReadAll(io.LimitReader(r, MaxBody+1))
	if len(body) > MaxBody {
		return body[:MaxBody], false, nil
	}
	return body, err == nil, err
}

// RetryAfter returns how long the answer with header h asks to wait (RFC 9110 §10.2.3), at most an hour; 0 if it does
// not say. A date is taken relative to the answer's own Date, because this computer's clock may be wrong, else to now.
func RetryAfter(h http.Header, now time.Time) time.Duration {
	value := strings.TrimSpace(h.Get("Retry-After"))
	if value == "" {
		return 0
	}
	if seconds, err := strconv.ParseUint(value, 10, 64); err == nil {
		return time.Duration(min(seconds, uint64(maxRetryAfter/time.Second))) * time.Second
	} else if errors.Is(err, strconv.ErrRange) {
		return maxRetryAfter
	}
	until, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		now = date
	}
	return min(max(until.Sub(now), 0), maxRetryAfter)
}
