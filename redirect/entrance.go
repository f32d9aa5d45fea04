package redirect

import (
	"net/http"
	"sync"
)

// entrance is where a login starts: a short address of this server that leads to the provider, once. It is what goes on
// a browser's command line, which every user of the machine can read.
type entrance struct {
	path string

	mu   sync.Mutex // guards the fields below
	to   string     // the authorization URL; "" if there is none
	used bool
}

// Entrance returns the short address that sends a browser of this user to the authorization URL, once. Of several calls
// the last one counts.
func (s *Server) Entrance(authorizationURL string) string {
	s.entrance.mu.Lock()
	defer s.entrance.mu.Unlock()
	s.entrance.to = authorizationURL
	return s.scheme() + "://" + s.authority + s.entrance.path
}

// open returns the authorization URL if the entrance has one and nobody has come through it yet.
func (e *entrance) open() (to string, exists bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.used || e.to == "" {
		return "", e.to != ""
	}
	e.used = true
	return e.to, true
}

// serveEntrance sends the person's browser to the provider, and anybody who comes after it to a page that says so. What
// a web page or a prefetch asks for uses nothing up.
func (s *Server) serveEntrance(v visit) bool {
	if isPrefetch(v.r) || !isNavigation(v.r) || isCrossSite(v.r) {
		return false
	}
	if s.isAnswered() || s.isFinished() {
		s.showOutcome(v, arrivesByLink)
		return true
	}
	to, exists := s.entrance.open()
	if to != "" {
		v.w.Header().Set("Location", to)
		v.w.WriteHeader(http.StatusSeeOther)
		return true
	}
	if exists {
		_ = writePage(v.w, usedView().render())
	}
	return exists
}
