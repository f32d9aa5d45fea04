package oauthtest

import (
	"strconv"
	"strings"
)

// registered reports whether the client may be answered at uri.
func (c Client) registered(uri string) bool {
	for _, r := range c.RedirectURIs {
		if sameRedirectURI(r, uri) {
			return true
		}
	}
	return false
}

// sameRedirectURI compares as texts (RFC 9700 §2.1), but lets the port of a loopback URI that is registered without
// one be any (RFC 8252 §7.3). Nothing is parsed or normalised, so that no second reading of the URI can differ.
func sameRedirectURI(registered, uri string) bool {
	if registered == uri {
		return true
	}
	for _, origin := range []string{"http://127.0.0.1", "http://[::1]", "http://localhost"} {
		path, ok := strings.CutPrefix(registered, origin)
		if !ok || path != "" && path[0] != '/' {
			continue
		}
		rest, ok := strings.CutPrefix(uri, origin+":")
		if !ok {
			return false
		}
		port, ok := strings.CutSuffix(rest, path)
		return ok && isPort(port)
	}
	return false
}

// isPort reports whether text is a port as a URI writes it: digits alone, no sign and no zero in front.
func isPort(text string) bool {
	n, err := strconv.ParseUint(text, 10, 16)
	return err == nil && n > 0 && strconv.FormatUint(n, 10) == text
}
