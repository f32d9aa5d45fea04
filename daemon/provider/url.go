package provider

import (
	"errors"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// CheckURL returns an error that says why raw cannot be the URL of a provider's endpoint, or nil. Only https is allowed,
// and http to loopback addresses and localhost. User information, fragments, control characters and everything else that
// does not belong in a URL (RFC 3986 §2) are refused. The error does not quote raw, which may contain a password.
func CheckURL(raw string) error {
	_, err := parseURL(raw)
	return err
}

// CheckIssuer is [CheckURL] for an issuer, which must also have no query (RFC 8414 §2).
func CheckIssuer(raw string) error {
	u, err := parseURL(raw)
	if err != nil {
		return err
	}
	if u.RawQuery != "" || u.ForceQuery {
		return errors.New("an issuer has no query")
	}
	return nil
}

func parseURL(raw string) (*url.URL, error) {
	switch {
	case raw == "":
		return nil, errors.New("the URL is empty")
	case raw[0] == '-':
		return nil, errors.New("the URL starts with a dash")
	case len(raw) > 2048:
		return nil, errors.New("the URL is longer than 2048 bytes")
	case strings.ContainsFunc(raw, notInURL):
		return nil, errors.New("the URL has a character that no URL may have")
	}
	u, err := url.Parse(raw)
	if err != nil {
		return nil, errors.New("not a URL")
	}
	switch {
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, errors.New("the URL's scheme is not https")
	case u.Opaque != "" || u.Hostname() == "":
		return nil, errors.New("the URL has no host")
	case strings.ContainsFunc(u.Host, func(r rune) bool { return r >= 0x7f }):
		// Percent-encoded: what it means is up to the resolver, which may take it for an address.
		return nil, errors.New("the URL's host is not ASCII; write it in Punycode")
	case u.User != nil:
		return nil, errors.New("the URL has user information")
	case strings.Contains(raw, "#"):
		return nil, errors.New("the URL has a fragment")
	case !validPort(u):
		return nil, errors.New("the URL's port is not a port number")
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		return nil, errors.New("not https (http is for loopback addresses and localhost only)")
	}
	return u, nil
}

// notInURL reports whether r is outside the characters of RFC 3986 §2.
func notInURL(r rune) bool {
	return r <= ' ' || r >= 0x7f || strings.ContainsRune("\"<>\\^`{|}", r)
}

func validPort(u *url.URL) bool {
	port := u.Port()
	if port == "" {
		return !strings.HasSuffix(u.Host, ":")
	}
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && n != 0
}

// isLoopback reports whether host, without brackets, is a loopback address or localhost.
func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Zone() == "" && addr.IsLoopback()
}
