package client_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"oauthd/ipc/api"
	"oauthd/ipc/client"
)

// resource is a protected resource that notes what comes and answers 401 unless accept takes the header.
type resource struct {
	*httptest.Server
	mu     sync.Mutex // guards the fields below
	got    []string   // Authorization
	bodies []string
}

func newResource(t *testing.T, accept func(authorization string) bool) *resource {
	t.Helper()
	p := &resource{}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		p.mu.Lock()
		defer p.mu.Unlock()
		p.got = append(p.got, r.Header.Get("Authorization"))
		p.bodies = append(p.bodies, string(body))
		if to := r.URL.Query().Get("to"); to != "" {
			http.Redirect(w, r, to, http.StatusTemporaryRedirect)
			return
		}
		if !accept(r.Header.Get("Authorization")) {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(w, "refused")
		}
	}))
	t.Cleanup(p.Close)
	return p
}

// seen returns the Authorization headers that came since it was last called.
func (p *resource) seen() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	got := p.got
	p.got = nil
	return got
}

func webClient(c *client.Client, r api.TokenRequest) *http.Client {
	// On a kept connection net/http would repeat a body by itself.
	return &http.Client{Transport: c.Transport(r, &http.Transport{DisableKeepAlives: true})}
}

func bearer(token string) string { return "Bearer " + token }

func TestTransport(t *testing.T) {
	m, c := newMint(t, time.Hour)
	// revoked makes the provider's newest token worthless, unknown to the daemon.
	revoked := ""
	p := newResource(t, func(a string) bool { return a == bearer(m.newest()) && a != revoked })
	web := webClient(c, work)
	for _, tt := range []struct {
		name    string
		prepare func()
		want    []string // the tokens that came
		status  int
		forced  int
	}{
		{"a first request", func() {}, []string{"token-1"}, 200, 0},
		{"another one", func() {}, []string{"token-1"}, 200, 0},
		{"replaced by another program", func() { m.supersede(time.Hour) }, []string{"token-2"}, 200, 0},
		{"revoked", func() { revoked = bearer("token-2") }, []string{"token-2", "token-3"}, 200, 1},
		{"the new one is revoked as well, which may be the server's own trouble", func() { revoked = bearer("token-3") },
			[]string{"token-3"}, 401, 0},
		{"and again", func() {}, []string{"token-3"}, 401, 0},
		{"replaced after that", func() { m.supersede(time.Hour) }, []string{"token-4"}, 200, 0},
		{"revoked after that", func() { revoked = bearer("token-4") }, []string{"token-4", "token-5"}, 200, 1},
	} {
		tt.prepare()
		_, before := m.requests()
		status := statusOf(t, web, p.URL)
		_, after := m.requests()
		var want []string
		for _, token := range tt.want {
			want = append(want, bearer(token))
		}
		if got := p.seen(); !slices.Equal(got, want) || status != tt.status || after-before != tt.forced {
			t.Errorf("%s: got %q, status %d, forced %d; want %q, %d, %d", tt.name, got, status, after-before, want, tt.status, tt.forced)
		}
	}
}

// Between the request and the answer another program may have had the token replaced: then nothing is forced.
func TestTransportReplacedUnderARequest(t *testing.T) {
	m, c := newMint(t, time.Hour)
	p := newResource(t, func(a string) bool {
		if a == bearer("token-1") {
			m.supersede(time.Hour)
		}
		return a == bearer("token-2")
	})
	if got := statusOf(t, webClient(c, work), p.URL); got != http.StatusOK {
		t.Errorf("got status %d, want 200", got)
	}
	if all, forced := m.requests(); all != 2 || forced != 0 {
		t.Errorf("got %d requests, %d of them forced, want 2 and 0", all, forced)
	}
}

func TestTransportBody(t *testing.T) {
	for _, tt := range []struct {
		name   string
		body   io.Reader
		status int
		bodies []string
	}{
		{"can be had again", strings.NewReader("content"), 200, []string{"content", "content"}},
		{"cannot", io.MultiReader(strings.NewReader("content")), 401, []string{"content"}},
		{"none", nil, 200, []string{"", ""}},
		{"empty", http.NoBody, 200, []string{"", ""}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, c := newMint(t, time.Hour)
			p := newResource(t, func(a string) bool { return a == bearer("token-2") })
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.URL, tt.body)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", "Basic other")
			resp, err := webClient(c, work).Do(req)
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			if resp.StatusCode != tt.status || (string(text) == "refused") != (tt.status == 401) || err != nil {
				t.Errorf("got status %d, %q, %v, want %d and its own body", resp.StatusCode, text, err, tt.status)
			}
			if !slices.Equal(p.bodies, tt.bodies) {
				t.Errorf("got the bodies %q, want %q", p.bodies, tt.bodies)
			}
			if got := req.Header.Get("Authorization"); got != "Basic other" || resp.Request.Header.Get("Authorization") != got {
				t.Error("the program's own request was changed, or the answer's shows the token")
			}
		})
	}
}

// The token goes to the server that the program asked, not to where that one sends it.
func TestTransportRedirect(t *testing.T) {
	_, c := newMint(t, time.Hour)
	all := func(string) bool { return true }
	home, elsewhere := newResource(t, all), newResource(t, all)
	other := strings.Replace(home.URL, "127.0.0.1", "localhost", 1)
	web := webClient(c, work)
	for _, tt := range []struct {
		name, to            string
		atHome, atElsewhere []string
	}{
		{"the same server", home.URL + "/there", []string{"Bearer token-1", "Bearer token-1"}, nil},
		{"another port", elsewhere.URL, []string{"Bearer token-1"}, []string{""}},
		{"another name", other, []string{"Bearer token-1", ""}, nil},
		{"away and back", elsewhere.URL + "/?to=" + home.URL, []string{"Bearer token-1", ""}, []string{""}},
		{"away and on", elsewhere.URL + "/?to=" + elsewhere.URL, []string{"Bearer token-1"}, []string{"", ""}},
	} {
		if got := statusOf(t, web, home.URL+"/?to="+tt.to); got != http.StatusOK {
			t.Errorf("%s: got status %d, want 200", tt.name, got)
		}
		if got, there := home.seen(), elsewhere.seen(); !slices.Equal(got, tt.atHome) || !slices.Equal(there, tt.atElsewhere) {
			t.Errorf("%s: got %q and %q, want %q and %q", tt.name, got, there, tt.atHome, tt.atElsewhere)
		}
	}
}

// closeNoted says whether it was closed.
type closeNoted struct {
	io.Reader
	closed *bool
}

func (c closeNoted) Close() error {
	*c.closed = true
	return nil
}

func TestTransportErrors(t *testing.T) {
	m, c := newMint(t, time.Hour)
	p := newResource(t, func(string) bool { return false })
	web := webClient(c, work)
	// What the daemon cannot replace leaves the server's answer.
	if got := statusOf(t, web, p.URL); got != http.StatusUnauthorized {
		t.Errorf("got status %d, want 401", got)
	}
	p.seen()
	m.mu.Lock()
	m.fail = &api.Error{Code: api.LoginRequired, Message: "log in", Hint: "oauthd login work"}
	m.mu.Unlock()
	closed := false
	_, err := web.Post(p.URL, "text/plain", closeNoted{strings.NewReader("x"), &closed})
	var e *api.Error
	if !errors.Is(err, client.ErrLoginRequired) || !errors.As(err, &e) || e.Hint != "oauthd login work" {
		t.Errorf("got %v, want ErrLoginRequired and its hint", err)
	}
	if !closed || len(p.seen()) != 0 {
		t.Errorf("got the body closed %t, want it closed and no request sent", closed)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := web.Do(req); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	p.Close()
	m.mu.Lock()
	m.fail = nil
	m.mu.Unlock()
	if _, err := web.Get(p.URL); err == nil || errors.As(err, &e) {
		t.Errorf("without a server: got %v, want an error that is not the daemon's", err)
	}
}

// Requests that are refused at once have the token replaced once.
func TestTransportConcurrent(t *testing.T) {
	m, c := newMint(t, time.Hour)
	p := newResource(t, func(a string) bool { return a != bearer("token-1") })
	web := webClient(c, work)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			resp, err := web.Get(p.URL)
			if err != nil {
				t.Error(err)
				return
			}
			_ = resp.Body.Close()
			if resp.StatusCode != http.StatusOK {
				t.Errorf("got status %d, want 200", resp.StatusCode)
			}
		})
	}
	wg.Wait()
	if _, forced := m.requests(); forced != 1 {
		t.Errorf("got %d forced requests, want 1", forced)
	}
}
