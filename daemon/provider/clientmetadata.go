package provider

import (
	"errors"
	"strings"
)

// CheckClientIDMetadata returns an error that says why raw cannot be the URL of a client id metadata document, which is that
// client's id (draft-ietf-oauth-client-id-metadata-document §3), or nil. It must be https with a path, and without user
// information, a fragment or dot segments.
func CheckClientIDMetadata(raw string) error {
	u, err := parseURL(raw)
	switch {
	case err != nil:
		return err
	case u.Scheme != "https":
		return errors.New("the URL's scheme is not https")
	case u.Path == "" || u.Path == "/":
		return errors.New("the URL has no path")
	}
	for segment := range strings.SplitSeq(u.Path, "/") { // decoded: what %2e means differs from one server to the next
		if segment == "." || segment == ".." {
			return errors.New("the URL has a dot segment in its path")
		}
	}
	return nil
}
