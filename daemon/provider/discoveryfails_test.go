package provider

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestWhichDiscoveryFailureIsTold checks that of the failures of several URLs the one is told that says most.
func TestWhichDiscoveryFailureIsTold(t *testing.T) {
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
	}
	text := func(s string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(s)) }
	}
	// In the order of what they say.
	failures := []struct {
		name   string
		answer http.HandlerFunc
		says   string
	}{
		{"out of order", status(503), "the server answers 503"},
		{"of another issuer", text(`{"issuer":"https://other.example.com"}`), "https://other.example.com"},
		{"broken", text("{"), "is not a JSON object"},
		{"none", status(404), ErrNoDiscovery.Error()},
	}
	for i, first := range failures {
		for j, second := range failures {
			s := newSite(t, map[string]http.HandlerFunc{oauthPath: first.answer, oidcPath: second.answer})
			_, err := Discover(t.Context(), nil, s.URL)
			if want := failures[min(i, j)].says; err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s, then %s: got %v, want %q", first.name, second.name, err, want)
			}
			if want := []string{oauthPath, oidcPath}; !slices.Equal(s.asked, want) {
				t.Errorf("%s, then %s: asked %q, want %q", first.name, second.name, s.asked, want)
			}
			// Of two that say as much, the first URL is the one that should have worked.
			var trouble *DiscoveryError
			if i == j && errors.As(err, &trouble) && trouble.URL != s.URL+oauthPath {
				t.Errorf("%s twice: got %s, want the first URL", first.name, trouble.URL)
			}
		}
	}
}

// TestDiscoveryStatus checks what each kind of answer means.
func TestDiscoveryStatus(t *testing.T) {
	for code, want := range map[int]string{
		201: "none", 299: "none", 300: "redirect", 399: "redirect", 400: "none", 401: "none", 404: "none", 499: "none",
		408: "later", 429: "later", 500: "later", 503: "later", 599: "later",
	} {
		t.Run(strconv.Itoa(code), func(t *testing.T) {
			answer := func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("Accept") != "application/json" {
					t.Errorf("got Accept %q, want JSON", r.Header.Get("Accept"))
				}
				w.Header().Set("Retry-After", "7")
				w.WriteHeader(code)
			}
			s := newSite(t, map[string]http.HandlerFunc{oauthPath: answer, oidcPath: answer})
			_, err := Discover(t.Context(), nil, s.URL)
			got := "none"
			var trouble *DiscoveryError
			if errors.As(err, &trouble) {
				if got = "redirect"; errors.Unwrap(trouble) == nil {
					t.Error("got no cause")
				}
				if wait, later := trouble.Transient(); later {
					if got = "later"; wait.Seconds() != 7 {
						t.Errorf("got %v to wait, want 7s", wait)
					}
				}
			}
			if got != want || (got == "none") != errors.Is(err, ErrNoDiscovery) {
				t.Errorf("got %s, %v; want %s", got, err, want)
			}
		})
	}
}
