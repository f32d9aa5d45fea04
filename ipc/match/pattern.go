// Package match finds which account answers for a URL, a host or an issuer. An account's tokens go only to the places
// that its patterns name, so that what is wrong here would send a token to a stranger: a pattern is strict, a URL that can
// be read in two ways matches nothing, and the package does nothing but compare.
package match

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// Pattern is a place where tokens may be used. The zero value matches nothing.
type Pattern struct {
	text     string
	plain    bool // http instead of https
	wildcard bool // host is what follows "*."
	host     string
	port     uint16
	path     string // "" for all; without a final slash
}

// ParsePattern reads a pattern: a host, with "*." in front for any one label in that place, or with a port and a path
// whose segments a URL's must begin with. It means https, except that http:// may be written for this machine itself.
func ParsePattern(text string) (Pattern, error) {
	rest := text
	scheme, after, named := strings.Cut(rest, "://")
	if named {
		rest = after
	} else {
		scheme = "https"
	}
	p := Pattern{text: text, plain: scheme == "http"}
	if scheme != "https" && scheme != "http" {
		return Pattern{}, errors.New("begins with https://, with http:// if it is this machine, or with the host")
	}
	rest, p.wildcard = strings.CutPrefix(rest, "*.")
	u, err := url.Parse(scheme + "://" + rest)
	switch {
	case err != nil:
		return Pattern{}, errors.New("is not a host, or a URL")
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return Pattern{}, errors.New("has no user, query or fragment")
	case u.RawPath != "" || !plainPath(u.Path):
		return Pattern{}, errors.New("has a path of plain segments, without dots alone, escapes or empty ones")
	}
	if p.host, err = hostName(u.Hostname()); err != nil {
		return Pattern{}, err
	}
	if p.wildcard && (!strings.Contains(p.host, ".") || isAddress(p.host)) {
		return Pattern{}, fmt.Errorf("would match all of %s; name two labels at least after the *", p.host)
	}
	if p.plain && !Loopback(p.host) {
		return Pattern{}, errors.New("is plain http, which is allowed for this machine alone")
	}
	if p.port, err = portOf(u, p.plain); err != nil {
		return Pattern{}, err
	}
	p.path = strings.TrimSuffix(u.Path, "/")
	return p, nil
}

// String returns the pattern as it was written.
func (p Pattern) String() string { return p.text }

// Place is a URL that was read.
type Place struct {
	plain bool
	host  string
	port  uint16
	path  string
	// User is the user name in the URL; "" if it has none.
	User string
}

// ParsePlace reads a URL or, as some programs have it, a host with or without a port, which means https.
func ParsePlace(text string) (Place, error) {
	if !strings.Contains(text, "://") {
		text = "https://" + text
	}
	u, err := url.Parse(text)
	if err != nil {
		return Place{}, errors.New("it is not a URL")
	}
	scheme := strings.TrimPrefix(strings.ToLower(u.Scheme), "sparse+") // cargo's
	if scheme != "https" && scheme != "http" {
		return Place{}, fmt.Errorf("a token is sent over https, not %s", strconv.QuoteToASCII(u.Scheme))
	}
	p := Place{plain: scheme == "http", path: u.Path}
	if u.User != nil {
		p.User = u.User.Username()
	}
	if p.host, err = hostName(u.Hostname()); err != nil {
		return Place{}, fmt.Errorf("its host %w", err)
	}
	if p.plain && !Loopback(p.host) {
		return Place{}, errors.New("plain http would show the token to everyone on the way")
	}
	p.port, err = portOf(u, p.plain)
	return p, err
}

// Matches reports whether p's tokens may be used at place.
func (p Pattern) Matches(place Place) bool {
	switch {
	case p.host == "", p.port != place.port:
		return false
	case p.plain != place.plain:
		return false
	case p.wildcard:
		label, rest, _ := strings.Cut(place.host, ".")
		if label == "" || rest != p.host {
			return false
		}
	case p.host != place.host:
		return false
	}
	return p.path == "" || plainPath(place.path) && (place.path == p.path || strings.HasPrefix(place.path, p.path+"/"))
}

// closer compares how closely two patterns that match the same place describe it: an exact host before a wildcard, then
// the longer path.
func (p Pattern) closer(other Pattern) int {
	switch {
	case p.wildcard != other.wildcard && !p.wildcard:
		return 1
	case p.wildcard != other.wildcard:
		return -1
	}
	return len(p.path) - len(other.path)
}

// hostName returns a host as it is compared: lower case, without the dot at the end that makes it absolute.
func hostName(host string) (string, error) {
	if address, err := netip.ParseAddr(host); err == nil {
		if address.Zone() != "" {
			return "", errors.New("has a zone")
		}
		return address.Unmap().String(), nil
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	for label := range strings.SplitSeq(host, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return "", errors.New("is not a host name")
		}
		for _, c := range label {
			if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
				return "", errors.New("is not a host name; write one of other letters in its xn-- form")
			}
		}
	}
	if last := host[strings.LastIndexByte(host, '.')+1:]; last[0] >= '0' && last[0] <= '9' {
		return "", errors.New("is not a host name") // 127.1 and 0x7f.1 are addresses to some programs
	}
	return host, nil
}

func isAddress(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}

// Loopback reports whether a host is this machine: localhost, or an address of the loopback network.
func Loopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return err == nil && address.IsLoopback() || host == "localhost"
}

func portOf(u *url.URL, plain bool) (uint16, error) {
	text := u.Port()
	switch {
	case strings.HasSuffix(u.Host, ":"):
		return 0, errors.New("has a colon without a port")
	case text == "" && plain:
		return 80, nil
	case text == "":
		return 443, nil
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil || port == 0 {
		return 0, errors.New("has a port that is not from 1 to 65535")
	}
	return uint16(port), nil
}

// plainPath reports whether a path means the same to every program: its segments are not empty but at the end, and none
// is a dot or two, a backslash or a control character.
func plainPath(path string) bool {
	segments := strings.Split(strings.TrimPrefix(path, "/"), "/")
	for i, s := range segments {
		if s == "" && i < len(segments)-1 || s == "." || s == ".." || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\\' || r == '%' || r == ';' }) {
			return false
		}
	}
	return true
}
