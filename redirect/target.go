package redirect

import (
	"net/http"
	"strings"
)

// split returns the path and the query of the request target as they came, so that no other spelling of a path is the
// path. A target in absolute form is as good as one in origin form (RFC 9112 §3.2.2) if its scheme is ours; its host
// has become r.Host.
func (s *Server) split(r *http.Request) (path, query string, hasQuery bool) {
	path, query, hasQuery = strings.Cut(r.RequestURI, "?")
	if strings.HasPrefix(path, "/") {
		return path, query, hasQuery
	}
	scheme, rest, _ := strings.Cut(path, "://")
	if !strings.EqualFold(scheme, s.scheme()) {
		return "", "", false
	}
	_, path, _ = strings.Cut(rest, "/")
	return "/" + path, query, hasQuery
}

// isHost reports whether host is the redirect URI's. Browsers leave out the scheme's own port.
func (s *Server) isHost(host string) bool {
	port := ":80"
	if s.cfg.HTTPS {
		port = ":443"
	}
	return host == s.authority || host+port == s.authority
}

func (s *Server) scheme() string {
	if s.cfg.HTTPS {
		return "https"
	}
	return "http"
}
