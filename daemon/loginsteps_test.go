package daemon

import (
	"context"
	"net/http"
	"net/url"
	"sync"
	"testing"

	"oauthd/daemon/oauthtest"
	"oauthd/ipc/api"
)

// event waits for an event of that name; the next one must have it.
func (l *attempted) event(name string) api.LoginEvent {
	l.r.t.Helper()
	select {
	case e := <-l.told:
		if e.Event != name {
			l.r.t.Fatalf("got event %q, want %q", e.Event, name)
		}
		return e
	case err := <-l.ended:
		l.r.t.Fatalf("the login ended with %v, want event %q", err, name)
	}
	return api.LoginEvent{}
}

// visit is a browser in which the person allows the login; it returns at once, and visited is closed when the browser
// shows its last page.
func (l *attempted) visit(url string) (visited <-chan struct{}) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		_, _ = oauthtest.Follow(ctx, nil, url, oauthtest.Allow)
	}()
	l.r.t.Cleanup(func() { <-done })
	return done
}

// response is the address that a browser which allows the login at authorizationURL is sent to, and cannot reach.
func (r *rig) response(authorizationURL string) string {
	r.t.Helper()
	agent := &http.Client{Transport: r.server.Client().Transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := agent.Get(authorizationURL)
	if err != nil {
		r.t.Fatal("the authorization URL cannot be opened")
	}
	_ = response.Body.Close()
	at, err := response.Location()
	if err != nil {
		r.t.Fatalf("got status %d, want a redirect", response.StatusCode)
	}
	return at.String()
}

// seen notes the requests that an endpoint gets.
type seen struct {
	mu      sync.Mutex // guards the fields below
	forms   []url.Values
	headers []http.Header
}

// fault lets everything through.
func (s *seen) fault(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.forms = append(s.forms, r.PostForm)
		s.headers = append(s.headers, r.Header.Clone())
		s.mu.Unlock()
		next.ServeHTTP(w, r)
	})
}

// only returns the one request that came.
func (s *seen) only(t *testing.T) (url.Values, http.Header) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.forms) != 1 {
		t.Fatalf("got %d requests, want 1", len(s.forms))
	}
	return s.forms[0], s.headers[0]
}
