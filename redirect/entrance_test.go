package redirect

import (
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
)

const authorizationURL = "https://as.example.com/authorize?client_id=c&state=" + testState

func TestEntranceWorksOnce(t *testing.T) {
	s := start(t, Config{})
	if resp, _ := get(t, "http://"+s.authority+s.entrance.path); resp.StatusCode != http.StatusNotFound {
		t.Errorf("before there is an authorization URL: got %d, want 404", resp.StatusCode)
	}
	address := s.Entrance(authorizationURL)
	secret, ok := strings.CutPrefix(address, "http://"+s.authority+"/go/")
	if !ok || len(secret) < 26 || len(address) > 60 {
		t.Fatalf("got %q, want a short address of this server with 128 bits", address)
	}
	resp, body := get(t, address)
	if got := resp.Header.Get("Location"); resp.StatusCode != http.StatusSeeOther || got != authorizationURL || body != "" {
		t.Errorf("got %d to %q and %d bytes, want 303 to the provider", resp.StatusCode, got, len(body))
	}
	again, page := get(t, address)
	if again.StatusCode != http.StatusOK || again.Header.Get("Location") != "" || !strings.Contains(page, "This link was opened before") {
		t.Errorf("the second time: got %d, want a page that says so", again.StatusCode)
	}
	if strings.Contains(page, testState) || strings.Contains(page, "as.example.com") {
		t.Error("the page leads to the provider")
	}
	stillWaits(t, s)
}

func TestEntranceLetsOneOfManyIn(t *testing.T) {
	s := start(t, Config{})
	address := s.Entrance(authorizationURL)
	var in sync.WaitGroup
	locations := make(chan string, 8)
	for range cap(locations) {
		in.Go(func() {
			resp, err := http.DefaultTransport.RoundTrip(request(t, http.MethodGet, address))
			if err != nil {
				t.Error(err)
				return
			}
			_ = resp.Body.Close()
			locations <- resp.Header.Get("Location")
		})
	}
	in.Wait()
	close(locations)
	led := 0
	for location := range locations {
		if location != "" {
			led++
		}
	}
	if led != 1 {
		t.Errorf("%d of %d were led to the provider, want 1", led, cap(locations))
	}
}

func TestEntranceIsForThePersonsBrowserOnly(t *testing.T) {
	for name, change := range map[string]func(*http.Request){
		"HEAD":                 func(r *http.Request) { r.Method = http.MethodHead },
		"POST":                 func(r *http.Request) { r.Method = http.MethodPost },
		"a query":              func(r *http.Request) { r.URL.RawQuery = "x" },
		"a guess":              func(r *http.Request) { r.URL.Path = r.URL.Path[:len(r.URL.Path)-1] + "_" },
		"a longer path":        func(r *http.Request) { r.URL.Path += "/" },
		"a foreign Host":       host("evil.example.com:PORT"),
		"another loopback":     host("localhost:PORT"),
		"a link of a web page": func(r *http.Request) { r.Header = fetched("cross-site", "navigate", "document") },
		"a page of this host":  func(r *http.Request) { r.Header = fetched("same-site", "navigate", "document") },
		"an image":             func(r *http.Request) { r.Header = fetched("cross-site", "no-cors", "image") },
		"a frame":              func(r *http.Request) { r.Header = fetched("none", "navigate", "iframe") },
		"a fetch": func(r *http.Request) {
			r.Header = with(fetched("cross-site", "cors", "empty"), "Origin", "https://evil.example.com")
		},
		"a prefetch": func(r *http.Request) {
			r.Header = with(fetched("none", "navigate", "document"), "Sec-Purpose", "prefetch")
		},
		"a prerender": func(r *http.Request) {
			r.Header = with(fetched("none", "navigate", "document"), "Sec-Purpose", "prefetch;prerender")
		},
		"an old prefetch": func(r *http.Request) { r.Header = http.Header{"Purpose": {"prefetch"}} },
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, Config{})
			address := s.Entrance(authorizationURL)
			r := request(t, http.MethodGet, address)
			change(r)
			if resp, body := do(t, r); resp.StatusCode != http.StatusNotFound || resp.Header.Get("Location") != "" || len(body) > 60 {
				t.Errorf("got %d and %d bytes, want a plain 404", resp.StatusCode, len(body))
			}
			r = request(t, http.MethodGet, address)
			r.Header = fetched("none", "navigate", "document")
			if resp, _ := do(t, r); resp.Header.Get("Location") != authorizationURL {
				t.Errorf("the person's browser afterwards: got %d, want to go to the provider", resp.StatusCode)
			}
			stillWaits(t, s)
		})
	}
}

func TestEntranceAfterTheAnswerLeadsNowhere(t *testing.T) {
	s := start(t, Config{})
	address := s.Entrance(authorizationURL)
	get(t, good(s))
	s.Finish(Page{Success: true, Person: "ada@example.com"})
	resp, page := get(t, address)
	if resp.StatusCode != http.StatusOK || !strings.Contains(page, "You are already logged in") || !strings.Contains(page, "This link works once") {
		t.Errorf("got %d, want the page that the login is complete", resp.StatusCode)
	}
}

func TestEntranceOfHTTPS(t *testing.T) {
	s := start(t, Config{HTTPS: true, PeerUID: os.Getuid()})
	if got, want := s.Entrance(authorizationURL), "https://"+s.authority+"/go/"; !strings.HasPrefix(got, want) {
		t.Errorf("got %q, want %q before it", got, want)
	}
}
