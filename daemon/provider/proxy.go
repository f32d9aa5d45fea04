package provider

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"oauthd/ipc/api"
)

// ProxyError is a proxy through which a provider could not be reached.
type ProxyError struct {
	// Proxy is its host and port, without credentials; "" if its URL cannot be read.
	Proxy string
	// Status is its answer to a request to connect (RFC 9110 §9.3.6); 0 if there was none.
	Status int

	cause error
}

// Error names the proxy and says what it did.
func (e *ProxyError) Error() string {
	switch {
	case e.Proxy == "":
		return "the proxy that the environment names is not a URL"
	case e.Status != 0:
		return fmt.Sprintf("the proxy %s refused to connect: %d %s", e.Proxy, e.Status, http.StatusText(e.Status))
	default:
		return fmt.Sprintf("the proxy %s cannot be used: %v", e.Proxy, e.cause)
	}
}

// Unwrap returns the failure of the network on the way to the proxy, or nil.
func (e *ProxyError) Unwrap() error { return e.cause }

// checkedProxy is choose with an error that does not quote the proxy's URL, which may have a password in it.
func checkedProxy(choose func(*http.Request) (*url.URL, error)) func(*http.Request) (*url.URL, error) {
	return func(req *http.Request) (*url.URL, error) {
		proxy, err := choose(req)
		if err != nil {
			return nil, &ProxyError{}
		}
		return proxy, nil
	}
}

// proxyAnswer says which proxy refused, and how: net/http has its status text alone.
func proxyAnswer(_ context.Context, proxy *url.URL, _ *http.Request, res *http.Response) error {
	if res.StatusCode == http.StatusOK {
		return nil
	}
	return &ProxyError{Proxy: proxy.Host, Status: res.StatusCode}
}

// proxyFailure is the failure of a proxy that did not get as far as an answer, or nil if op is something else. net/http
// names only the address of the proxy, not its URL.
func proxyFailure(op *net.OpError) *ProxyError {
	switch {
	case op.Op == "proxyconnect":
		return &ProxyError{Proxy: dialled(op.Err), cause: SafeCause(op.Err)}
	case strings.HasPrefix(op.Op, "socks ") && op.Source != nil:
		return &ProxyError{Proxy: op.Source.String(), cause: api.Foreign(op.Err)} // in words of net/http's own
	default:
		return nil
	}
}

// dialled is the name or address that a failure to connect is about.
func dialled(err error) string {
	var dns *net.DNSError
	var op *net.OpError
	switch {
	case errors.As(err, &dns):
		return dns.Name
	case errors.As(err, &op) && op.Addr != nil:
		return op.Addr.String()
	default:
		return "that the environment names"
	}
}
