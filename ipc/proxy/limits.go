package proxy

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"oauthd/ipc/api"
)

// Limits are the requests that a proxy passes on; the zero value allows all.
type Limits struct {
	// Methods are the ones allowed; none means all.
	Methods []string
	// Paths are what a path must begin with, in whole segments; none means all.
	Paths []string
}

// Check refuses limits that allow something other than they seem to.
func (l Limits) Check() error {
	for _, method := range l.Methods {
		if method == "" || strings.ContainsFunc(method, func(c rune) bool { return c < 'A' || c > 'Z' }) {
			return bad("--method "+api.Excerpt(method)+" is not a method", "write it in capitals: --method GET")
		}
	}
	for _, prefix := range l.Paths {
		if !strings.HasPrefix(prefix, "/") || strings.ContainsAny(prefix, "%?#") || !unambiguous(prefix) {
			return bad("--path "+api.Excerpt(prefix)+" is not the beginning of a path", "begin with /, without escapes or dots: --path /v1/")
		}
	}
	return nil
}

func bad(message, hint string) error {
	return &api.Error{Code: api.BadRequest, Message: message, Hint: hint}
}

// overriding are the headers by which some servers take a request for another than it is.
var overriding = []string{
	"X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "X-Original-URL", "X-Rewrite-URL", "X-Original-Method",
}

// check returns the request's path without its escapes, or why the request is not passed on.
func (l Limits) check(r *http.Request, escaped string) (path string, refusal *api.Error) {
	path, err := url.PathUnescape(escaped)
	switch {
	case r.Method == http.MethodTrace || r.Method == "TRACK" || r.Method == http.MethodConnect:
		return "", denied("the proxy passes on no "+r.Method, "use another method") // an echo would show the token
	case err != nil || !strings.HasPrefix(path, "/") || !unambiguous(escaped):
		return "", denied("the path can be read in two ways", "send it without dot segments, backslashes and encoded slashes")
	case len(l.Methods) > 0 && !slices.Contains(l.Methods, r.Method):
		return "", denied("the proxy passes on "+strings.Join(l.Methods, ", ")+" only", "oauthd proxy --method allows others")
	case len(l.Paths) > 0 && !slices.ContainsFunc(l.Paths, func(prefix string) bool { return below(path, prefix) }):
		return "", denied("the proxy passes on what is below "+strings.Join(l.Paths, ", ")+" only", "oauthd proxy --path allows others")
	}
	if len(l.Methods)+len(l.Paths) > 0 {
		for _, name := range overriding {
			if r.Header.Get(name) != "" {
				return "", denied("requests with a header "+name+" are refused", "send what is meant itself")
			}
		}
	}
	return path, nil
}

func denied(message, hint string) *api.Error {
	return &api.Error{Code: api.Forbidden, Message: message, Hint: hint}
}

// below reports whether path is prefix, or in it.
func below(path, prefix string) bool {
	prefix = strings.TrimSuffix(prefix, "/")
	return path == prefix || strings.HasPrefix(path, prefix+"/")
}

// unambiguous reports whether every server takes the path for the same one, however often it removes escapes.
func unambiguous(escaped string) bool {
	for segment := range strings.SplitSeq(escaped, "/") {
		for {
			name, _, _ := strings.Cut(segment, ";") // some servers have parameters there, and leave them out
			if name == "." || name == ".." || strings.ContainsAny(segment, "/\\\x00") {
				return false
			}
			plain, err := url.PathUnescape(segment)
			if err != nil || plain == segment {
				break
			}
			segment = plain
		}
	}
	return true
}
