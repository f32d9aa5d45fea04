package oauthtest

import (
	"net/http"
	"slices"
	"sync"
)

// Endpoint names one of the server's endpoints in a script and in a count.
type Endpoint string

// The endpoints.
const (
	Discovery Endpoint = "discovery" // both well-known documents
	Authorize Endpoint = "authorize" // the request with GET, the page's form with POST
	Token     Endpoint = "token"
	Revoke    Endpoint = "revoke"
	Userinfo  Endpoint = "userinfo"
	JWKS      Endpoint = "jwks"
	Hello     Endpoint = "hello" // /api/hello, the protected resource

	DeviceAuthorization Endpoint = "device_authorization"
	DevicePage          Endpoint = "device" // the person's page, /device
	PAR                 Endpoint = "par"
	Registration        Endpoint = "register"
)

// script is what an endpoint has been told to do.
type script struct {
	queue  []Fault
	always Fault
}

// Script lets the next requests to e meet one fault each, in order, after those scripted before. A nil fault lets its
// request through. When all have been met, [Server.Always] counts again, or the real answers.
func (s *Server) Script(e Endpoint, faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sc := s.scriptLocked(e)
	sc.queue = append(sc.queue, faults...)
}

// Always lets every request to e meet fault, until [Server.Reset]. A nil fault means the real answers.
func (s *Server) Always(e Endpoint, fault Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.scriptLocked(e).always = fault
}

// Reset takes back what was scripted for e. Requests that are met already, or held, stay so.
func (s *Server) Reset(e Endpoint) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.scripts, e)
}

func (s *Server) scriptLocked(e Endpoint) *script {
	sc := s.scripts[e]
	if sc == nil {
		sc = &script{}
		s.scripts[e] = sc
	}
	return sc
}

// arrived counts a request and returns the fault it meets, nil for none.
func (s *Server) arrived(e Endpoint, r *http.Request) Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests[e]++
	s.resources[e] = append(s.resources[e], r.Form["resource"])
	if e == Token {
		s.grants[r.PostForm.Get("grant_type")]++
	}
	sc := s.scripts[e]
	if sc == nil {
		return nil
	}
	if len(sc.queue) > 0 {
		fault := sc.queue[0]
		sc.queue = sc.queue[1:]
		return fault
	}
	return sc.always
}

// Requests returns how many requests have reached e, those that met a fault included.
func (s *Server) Requests(e Endpoint) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests[e]
}

// Resources returns the resource parameters (RFC 8707 §2) of each request that has reached e, in order; nil for a
// request without one.
func (s *Server) Resources(e Endpoint) [][]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.resources[e])
}

// TokenRequests returns how many of the requests to the token endpoint had that grant_type.
func (s *Server) TokenRequests(grantType string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.grants[grantType]
}

// Hold is a request that is kept waiting: first by the script, then at the server until [Hold.Release].
type Hold struct {
	// Arrived is closed when the request has come, and for [Server.HoldAnswer] has been processed.
	Arrived <-chan struct{}

	arrived  chan struct{}
	released chan struct{}
	release  func()
}

// Release lets the request go on. It may be called at any time, more than once and concurrently.
func (h *Hold) Release() { h.release() }

func newHold() *Hold {
	h := &Hold{arrived: make(chan struct{}), released: make(chan struct{})}
	h.Arrived = h.arrived
	h.release = sync.OnceFunc(func() { close(h.released) })
	return h
}

// wait announces the request and reports whether it was released; otherwise the client has gone.
func (h *Hold) wait(r *http.Request) bool {
	close(h.arrived)
	select {
	case <-h.released:
		return true
	case <-r.Context().Done():
		return false
	}
}

// Hold scripts that the next request to e waits before it is processed. If the client goes away meanwhile, it is not
// processed at all.
func (s *Server) Hold(e Endpoint) *Hold {
	h := newHold()
	s.Script(e, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if h.wait(r) {
				next.ServeHTTP(w, r)
			}
		})
	})
	return h
}

// HoldAnswer scripts that the next request to e is processed, and then waits before it is answered: the server has
// rotated the refresh token, and the client does not know.
func (s *Server) HoldAnswer(e Endpoint) *Hold {
	h := newHold()
	s.Script(e, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			answer := record(next, r)
			if h.wait(r) {
				answer.replay(w)
			}
		})
	})
	return h
}
