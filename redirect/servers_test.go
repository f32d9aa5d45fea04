package redirect

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

// listenWith starts a server among others, for another login.
func listenWith(t *testing.T, all *Servers, cfg Config) *Server {
	t.Helper()
	if cfg.State == "" {
		cfg.State = testState
	}
	cfg.PeerUID = -1
	s, err := all.Listen(t.Context(), cfg)
	if err != nil {
		t.Fatalf("Listen: %v", err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// follow asks, and then for the page that the answer leads to.
func follow(t *testing.T, s *Server, url string) (path, page string) {
	t.Helper()
	resp, _ := get(t, url)
	path = resp.Header.Get("Location")
	if resp.StatusCode != http.StatusSeeOther || strings.ContainsAny(path, "?#") {
		t.Fatalf("got %d to %q, want 303 to a bare page", resp.StatusCode, path)
	}
	resp, page = get(t, "http://"+s.authority+path)
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("the page: got %d, want 200", resp.StatusCode)
	}
	for _, leak := range []string{testCode, testState, marker} {
		if strings.Contains(page, leak) {
			t.Error("the page has something of the request in it")
		}
	}
	return path, page
}

func TestPagesAfterTheEnd(t *testing.T) {
	const loggedIn, expired = "You are logged in", "The login has expired"
	success := Page{Success: true, Account: "work", Person: "ada@example.com"}
	timedOut := Page{Account: "work", Title: expired}
	other := query("state", testState, "code", marker)
	for _, tt := range []struct {
		name   string
		first  string // the query that decides; "" if none does
		page   Page
		before []string // queries that come before, with their pages
		query  string
		want   []string
		absent string
	}{
		{name: "the first", first: query("state", testState, "code", testCode), page: success,
			query: query("state", testState, "code", testCode), want: []string{loggedIn, "ada@"}, absent: "again"},
		{name: "a reload", first: query("state", testState, "code", testCode), page: success,
			before: []string{query("state", testState, "code", testCode)},
			query:  query("state", testState, "code", testCode), want: []string{loggedIn, "loaded this page again"}},
		{name: "another tab, or back and again", first: query("state", testState, "code", testCode), page: success,
			query: other, want: []string{"You are already logged in", "in another tab, or before you went back"}},
		{name: "denied in another tab", first: query("state", testState, "code", testCode), page: success,
			query: query("state", testState, "error", "access_denied"), want: []string{"You are already logged in", "was not used"}},
		{name: "a reload of a failure", first: query("state", testState, "error", "access_denied"), page: Page{Title: "The login was denied"},
			before: []string{query("state", testState, "error", "access_denied")},
			query:  query("state", testState, "error", "access_denied"), want: []string{"The login was denied", "loaded this page again"}},
		{name: "approval after a denial", first: query("state", testState, "error", "access_denied"), page: Page{Title: "The login was denied"},
			query: other, want: []string{"The login was denied", "after the end of the login"}},
		{name: "approval after the time-out", page: timedOut,
			query: query("state", testState, "code", testCode), want: []string{expired, "after the end of the login, so it was not used", "oauthd login work"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := start(t, Config{})
			if tt.first != "" {
				if resp, _ := get(t, s.RedirectURI()+tt.first); resp.Header.Get("Location") != s.resultPath {
					t.Fatalf("the response that decides: got %d", resp.StatusCode)
				}
			}
			s.Finish(tt.page)
			for _, q := range tt.before {
				follow(t, s, s.RedirectURI()+q)
			}
			_, page := follow(t, s, s.RedirectURI()+tt.query)
			for _, want := range tt.want {
				if !strings.Contains(page, want) {
					t.Errorf("the page lacks %q", want)
				}
			}
			if tt.absent != "" && strings.Contains(page, tt.absent) {
				t.Errorf("the page has %q", tt.absent)
			}
			if tt.first == "" {
				if s.isAnswered() {
					t.Error("a response after the end has decided the login")
				}
				if err := s.Deliver(testCode + " " + testState); !errors.Is(err, ErrClosed) {
					t.Errorf("a paste after the end: got %v, want ErrClosed", err)
				}
			}
			for name, target := range map[string]string{
				"a wrong state": "/callback" + query("state", testState+"x", "code", testCode), "no state": "/callback",
				"a guess": s.resultPath[:len(s.resultPath)-1] + "_", "the start": "/",
			} {
				if resp, body := get(t, "http://"+s.authority+target); resp.StatusCode != http.StatusNotFound || len(body) > 60 {
					t.Errorf("%s: got %d and %d bytes, want a plain 404", name, resp.StatusCode, len(body))
				}
			}
		})
	}
}

func TestAnswerInASecondTabWaitsForTheOutcome(t *testing.T) {
	s := start(t, Config{})
	get(t, good(s))
	_, page := follow(t, s, s.RedirectURI()+query("state", testState, "code", "another"))
	if !strings.Contains(page, "Finishing the login") {
		t.Error("before the outcome is known: want the page that says so")
	}
	s.Finish(Page{Success: true})
	if _, page = follow(t, s, s.RedirectURI()+query("state", testState, "code", "another")); !strings.Contains(page, "You are already logged in") {
		t.Error("want the page that the login was completed elsewhere")
	}
}

func TestServersLinger(t *testing.T) {
	for _, tt := range []struct {
		name     string
		ports    []int
		answered bool
		want     time.Duration
	}{
		{"any port", nil, false, Linger},
		{"any port, answered", nil, true, Linger},
		{"a port by its number", []int{1234}, false, lingerNamedUnanswered},
		{"a port by its number, answered", []int{1234}, true, lingerNamed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := virtual(t)
				s.cfg.Ports = tt.ports
				dial := serveVirtual(s)
				if tt.answered {
					ask(s, "/callback"+query("state", testState, "code", testCode))
				}
				begin := time.Now()
				s.Finish(Page{})
				if took := time.Since(begin); took != 0 {
					t.Errorf("Finish took %v, want none", took)
				}
				time.Sleep(tt.want - time.Second)
				if isClosed(s.closed) {
					t.Errorf("closed before %v", tt.want)
				}
				_ = dial().Close()
				time.Sleep(2 * time.Second)
				synctest.Wait()
				if !isClosed(s.closed) || len(s.all.ended) > 0 {
					t.Errorf("open after %v", tt.want+time.Second)
				}
			})
		})
	}
}

func TestFewServersLinger(t *testing.T) {
	var all Servers
	servers := make([]*Server, maxLingering+2)
	for i := range servers {
		servers[i] = listenWith(t, &all, Config{})
		servers[i].Finish(Page{})
	}
	for i, s := range servers {
		if got, want := isClosed(s.closed), i < 2; got != want {
			t.Errorf("server %d of %d: closed %t, want %t", i, len(servers), got, want)
		}
	}
	all.Close()
	goleak.VerifyNone(t, goleak.IgnoreCurrent())
	for _, s := range servers {
		if c, err := net.Dial("tcp", s.authority); err == nil {
			_ = c.Close()
			t.Error("a port is open after Close")
		}
	}
	late := listenWith(t, &all, Config{})
	late.Finish(Page{})
	if !isClosed(late.closed) {
		t.Error("a server lingers after Close")
	}
}

func TestEndedLoginGivesItsPortAway(t *testing.T) {
	for _, host := range []string{"127.0.0.1", "localhost"} {
		t.Run(host, func(t *testing.T) {
			var all Servers
			defer all.Close()
			first := listenWith(t, &all, Config{Host: host})
			port := portOf(t, first)
			firstState, secondState := testState, strings.Repeat("second", 8)
			if _, err := all.Listen(t.Context(), Config{State: secondState, Host: host, Ports: []int{port}}); !errors.Is(err, ErrPortUnavailable) {
				t.Errorf("while the first login waits: got %v, want ErrPortUnavailable", err)
			}
			first.Finish(Page{Title: "Another login took over"})

			second := listenWith(t, &all, Config{Host: host, Ports: []int{port}, State: secondState, Path: "/back"})
			_, page := follow(t, second, fmt.Sprintf("http://%s/callback", second.authority)+query("state", firstState, "code", marker))
			if !strings.Contains(page, "Another login took over") || !strings.Contains(page, "was not used") {
				t.Error("the first login's page cannot be had any more")
			}
			if second.isAnswered() {
				t.Fatal("the first login's answer has decided the second")
			}
			if resp, _ := get(t, second.RedirectURI()+query("state", firstState, "code", marker)); resp.StatusCode != http.StatusNotFound {
				t.Errorf("the first login's state at the second's redirect URI: got %d, want 404", resp.StatusCode)
			}
			follow(t, second, second.RedirectURI()+query("state", secondState, "code", testCode))
			wantCode(t, second)
			second.Finish(Page{Success: true})

			third := listenWith(t, &all, Config{Host: host, Ports: []int{port}})
			if third.before.Load() != second || second.before.Load() != first {
				t.Error("the logins before are lost")
			}
			all.drop(first)
			all.drop(second)
			if third.before.Load() != second || second.before.Load() != nil {
				t.Error("a login that is over holds those before it")
			}
			if resp, _ := get(t, fmt.Sprintf("http://%s/back", third.authority)+query("state", secondState, "code", testCode)); resp.StatusCode != http.StatusNotFound {
				t.Errorf("a login whose time is over: got %d, want 404", resp.StatusCode)
			}
		})
	}
}

func TestFormPostToALoginBefore(t *testing.T) {
	var all Servers
	defer all.Close()
	first := listenWith(t, &all, Config{ResponseMode: modeFormPost})
	first.Finish(Page{Title: "The login has expired"})
	second := listenWith(t, &all, Config{ResponseMode: modeFormPost, State: strings.Repeat("second", 8), Ports: []int{portOf(t, first)}})
	resp, _ := do(t, form(t, second.RedirectURI(), goodForm()))
	if got := resp.Header.Get("Location"); resp.StatusCode != http.StatusSeeOther || got != first.latePath {
		t.Errorf("got %d to %q, want the first login's page", resp.StatusCode, got)
	}
	if second.isAnswered() {
		t.Error("it has decided the second login")
	}
}
