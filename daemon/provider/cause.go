package provider

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"

	"oauthd/ipc/api"
)

// UnresolvedError is a host name for which this machine's resolver has no address.
type UnresolvedError struct {
	Host string

	cause *net.DNSError
}

// Error names the host, and says what the resolver did.
func (e *UnresolvedError) Error() string {
	why := "no such host"
	switch {
	case e.cause.Timeout():
		why = "the resolver does not answer"
	case !e.cause.IsNotFound:
		why = "the resolver has trouble"
	}
	return "the name " + e.Host + " cannot be resolved: " + why
}

// Unwrap returns the [*net.DNSError].
func (e *UnresolvedError) Unwrap() error { return e.cause }

// SafeCause turns a failure of [http.Client.Do], or of reading its answer, into an error that may be shown: it keeps
// errors of the context, the network, proxies and TLS, with an [api.Excerpt] of what a certificate says, and replaces the
// others, which may quote the provider's bytes.
func SafeCause(err error) error {
	var (
		proxy *ProxyError
		dns   *net.DNSError
		op    *net.OpError
		cert  *tls.CertificateVerificationError
		wait  net.Error
	)
	if errors.As(err, &op) {
		proxy = proxyFailure(op)
	}
	switch {
	case errors.Is(err, context.Canceled):
		return context.Canceled
	case proxy != nil, errors.As(err, &proxy):
		return proxy
	case errors.Is(err, context.DeadlineExceeded):
		return context.DeadlineExceeded
	case errors.As(err, &dns):
		return &UnresolvedError{Host: api.Excerpt(dns.Name), cause: dns}
	case errors.As(err, &cert):
		return api.Foreign(cert)
	case errors.As(err, &op):
		return api.Foreign(op)
	case errors.As(err, &wait) && wait.Timeout():
		return errors.New("no answer in time")
	case errors.Is(err, http.ErrSchemeMismatch):
		return http.ErrSchemeMismatch
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("the connection ended before a whole answer came")
	default:
		return errors.New("the connection failed, or the answer is not HTTP")
	}
}
