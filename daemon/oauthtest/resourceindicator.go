package oauthtest

import "net/url"

// wellFormedResources reports whether each is an absolute URI without a fragment (RFC 8707 §2).
func wellFormedResources(resources []string) bool {
	for _, text := range resources {
		u, err := url.Parse(text)
		if err != nil || !u.IsAbs() || u.Host == "" && u.Opaque == "" || u.Fragment != "" || text[len(text)-1] == '#' {
			return false
		}
	}
	return true
}

// audience returns what an access token is for: the resources asked for in the token request, which must be among those
// of the authorization request where that named any (RFC 8707 §2.2), or else all of these.
func (c *consent) audience(asked []string) ([]string, *oauthError) {
	switch {
	case len(asked) == 0:
		return c.resources, nil
	case len(c.resources) > 0 && !within(asked, c.resources):
		return nil, &oauthError{400, "invalid_target", "the resource is not within the grant"}
	}
	return asked, nil
}
