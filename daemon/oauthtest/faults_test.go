package oauthtest

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestFaultsInstead(t *testing.T) {
	for _, tc := range []struct {
		name   string
		fault  Fault
		status int
		header string // a name
		value  string
		body   string // a part
	}{
		{"status", Status(503), 503, "Content-Type", "text/plain", "Service Unavailable"},
		{"retry after", RetryAfter(429, "7"), 429, "Retry-After", "7", ""},
		{"HTML", HTML(200), 200, "Content-Type", "text/html; charset=utf-8", "<!doctype"},
		{"empty", Empty(), 200, "Content-Length", "0", ""},
		{"error", Error(400, "invalid_grant"), 400, "Content-Type", "application/json", `{"error":"invalid_grant"}`},
		{"error in 200", Error(200, "invalid_grant"), 200, "Content-Type", "application/json", `{"error":"invalid_grant"}`},
		{"redirect", Redirect(307, "http://127.0.0.1/elsewhere"), 307, "Location", "http://127.0.0.1/elsewhere", ""},
		{"respond", Respond(418, http.Header{"x-a": {"b"}}, "tea"), 418, "X-A", "b", "tea"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := startPipe(t, testConfig())
			first := login(t, r).text("refresh_token")
			r.Script(Token, tc.fault)
			a := post(t, r, "/token", refreshForm(first))
			if a.status != tc.status || a.header.Get(tc.header) != tc.value || !strings.Contains(a.body, tc.body) {
				t.Errorf("got %d, %s %q, want %d, %q and %q in the body", a.status, tc.header, a.header.Get(tc.header), tc.status,
					tc.value, tc.body)
			}
			if !r.Active(first) || r.TokenRequests("refresh_token") != 1 {
				t.Errorf("got active %t, count %d, want true, 1", r.Active(first), r.TokenRequests("refresh_token"))
			}
			if a := post(t, r, "/token", refreshForm(first)); a.status != http.StatusOK {
				t.Errorf("after the fault: got status %d, want 200", a.status)
			}
		})
	}
}

func TestHuge(t *testing.T) {
	r := startPipe(t, testConfig())
	r.Script(Discovery, Huge(2<<20))
	a := get(t, r, r.Issuer()+"/.well-known/openid-configuration")
	if len(a.body) < 2<<20 || a.fields["filler"] == nil {
		t.Errorf("got %d bytes, JSON %t, want 2 MiB of JSON", len(a.body), a.fields["filler"] != nil)
	}
}

func TestTransforms(t *testing.T) {
	for _, tc := range []struct {
		name  string
		fault Fault
		field string
		want  any
	}{
		{"expires_in as a string", Set("expires_in", "3600"), "expires_in", "3600"},
		{"fraction", Set("expires_in", 3600.5), "expires_in", 3600.5},
		{"no expires_in", Remove("expires_in"), "expires_in", nil},
		{"lower-case type", Set("token_type", "bearer"), "token_type", "bearer"},
		{"mac", Set("token_type", "mac"), "token_type", "mac"},
		{"no refresh token", Remove("refresh_token"), "refresh_token", nil},
		{"other scope", Set("scope", "openid"), "scope", "openid"},
		{"malformed field", Set("extra", json.RawMessage(`[null,{}]`)), "extra", []any{nil, map[string]any{}}},
		{"two", Chain(Remove("scope"), Set("scope", "first")), "scope", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := startPipe(t, testConfig())
			r.Script(Token, nil, tc.fault)
			first := login(t, r).text("refresh_token")
			a := post(t, r, "/token", refreshForm(first))
			got, _ := json.Marshal(a.fields[tc.field])
			want, _ := json.Marshal(tc.want)
			if a.status != http.StatusOK || string(got) != string(want) {
				t.Errorf("got %d, %s %s, want 200, %s", a.status, tc.field, got, want)
			}
			if a.text("access_token") == "" || r.Active(first) {
				t.Errorf("got access token %t, old refresh token active %t, want the request processed", a.text("access_token") != "",
					r.Active(first))
			}
		})
	}
	t.Run("not JSON any more", func(t *testing.T) {
		r := startPipe(t, testConfig())
		r.Script(Token, Alter(func(body []byte) []byte { return body[:len(body)/2] }))
		a := post(t, r, "/token", exchangeForm(authorize(t, r, parameters()).Get("code")))
		if a.status != http.StatusOK || a.fields != nil || a.body == "" {
			t.Errorf("got %d, %d bytes, JSON %t, want half of an answer", a.status, len(a.body), a.fields != nil)
		}
	})
	t.Run("no object", func(t *testing.T) {
		r := startPipe(t, testConfig())
		r.Script(Token, Chain(Set("extra", 1), Respond(200, nil, "null")))
		if a := post(t, r, "/token", refreshForm("guess")); a.status != http.StatusOK || a.body != "null" {
			t.Errorf("got %d %q, want 200 and null", a.status, a.body)
		}
	})
	t.Run("errors pass", func(t *testing.T) {
		r := startPipe(t, testConfig())
		r.Script(Token, Set("error", "changed"))
		wantError(t, post(t, r, "/token", refreshForm("guess")), 400, "invalid_grant")
	})
	t.Run("authorization response", func(t *testing.T) {
		r := startPipe(t, testConfig())
		r.Script(Authorize, AlterRedirect(func(p url.Values) { p.Set("iss", "https://evil.example.com") }))
		got := authorize(t, r, parameters())
		if got.Get("iss") != "https://evil.example.com" || got.Get("state") != testState {
			t.Errorf("got iss %q, state %q", got.Get("iss"), got.Get("state"))
		}
	})
}

func TestBrokenConnections(t *testing.T) {
	for _, tc := range []struct {
		name   string
		fault  Fault
		want   error
		active bool // the old refresh token, afterwards
	}{
		{"reset", Reset(), syscall.ECONNRESET, true},
		{"lost answer", LoseAnswer(), syscall.ECONNRESET, false},
		{"cut off", CutOff(), io.ErrUnexpectedEOF, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r, err := Listen(testConfig())
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			first := login(t, r).text("refresh_token")
			r.Script(Token, tc.fault)
			resp, err := r.Client().Do(postRequest(t, r, "/token", refreshForm(first).Encode()))
			if err == nil {
				_, err = io.ReadAll(resp.Body)
				_ = resp.Body.Close()
			}
			if !errors.Is(err, tc.want) {
				t.Errorf("got error %v, want %v", err, tc.want)
			}
			if r.Active(first) != tc.active {
				t.Errorf("old refresh token active: got %t, want %t", r.Active(first), tc.active)
			}
		})
	}
}

func TestAlwaysAndReset(t *testing.T) {
	r := startPipe(t, testConfig())
	r.Always(Hello, Status(500))
	r.Script(Hello, Status(502), nil)
	hello := func() int { return get(t, r, r.Issuer()+"/api/hello").status }
	for i, want := range []int{502, 401, 500, 500} {
		if got := hello(); got != want {
			t.Errorf("request %d: got status %d, want %d", i+1, got, want)
		}
	}
	r.Script(Hello, Status(503))
	r.Reset(Hello)
	if got := hello(); got != http.StatusUnauthorized {
		t.Errorf("after Reset: got status %d, want 401", got)
	}
}

// inBubble runs test in a synctest bubble with a server that is ended in time.
func inBubble(t *testing.T, test func(t *testing.T, r *Running)) {
	synctest.Test(t, func(t *testing.T) {
		r := Pipe(testConfig())
		defer r.Close()
		test(t, r)
	})
}

func TestHold(t *testing.T) {
	for _, tc := range []struct {
		name string
		hold func(*Server) *Hold
		held bool // whether the old refresh token is active while the request is held
	}{
		{"before processing", func(s *Server) *Hold { return s.Hold(Token) }, true},
		{"before answering", func(s *Server) *Hold { return s.HoldAnswer(Token) }, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *Running) {
				first := login(t, r).text("refresh_token")
				h := tc.hold(r.Server)
				done := make(chan answer)
				go func() { done <- post(t, r, "/token", refreshForm(first)) }()
				<-h.Arrived
				if got := r.Active(first); got != tc.held {
					t.Errorf("active while held: got %t, want %t", got, tc.held)
				}
				if a := get(t, r, r.Issuer()+"/jwks"); a.status != http.StatusOK {
					t.Errorf("another request meanwhile: got status %d, want 200", a.status)
				}
				synctest.Wait()
				select {
				case <-done:
					t.Error("the request was answered while it was held")
				default:
				}
				h.Release()
				h.Release()
				if a := <-done; a.status != http.StatusOK || r.Active(first) {
					t.Errorf("got status %d, active %t, want 200, false", a.status, r.Active(first))
				}
			})
		})
	}
}

func TestClientGoesAway(t *testing.T) {
	for _, tc := range []struct {
		name   string
		script func(*Server)
	}{
		{"hang", func(s *Server) { s.Script(Token, Hang()) }},
		{"hold", func(s *Server) { s.Hold(Token) }},
		{"slow", func(s *Server) { s.Script(Token, Slow(time.Hour)) }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *Running) {
				first := login(t, r).text("refresh_token")
				tc.script(r.Server)
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				_, err := r.Client().Do(postRequest(t, r, "/token", refreshForm(first).Encode()).WithContext(ctx))
				if !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("got error %v, want %v", err, context.DeadlineExceeded)
				}
				synctest.Wait()
				if !r.Active(first) {
					t.Error("the request was processed")
				}
			})
		})
	}
}

func TestClientGoesAwayWithoutAForm(t *testing.T) {
	inBubble(t, func(t *testing.T, r *Running) {
		ended := make(chan struct{})
		r.Script(Token, func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				Hang()(next).ServeHTTP(w, r)
				close(ended)
			})
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		req := postRequest(t, r, "/token", "{}").WithContext(ctx)
		req.Header.Set("Content-Type", "application/json")
		if _, err := r.Client().Do(req); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got error %v, want %v", err, context.DeadlineExceeded)
		}
		select {
		case <-ended:
		case <-time.After(time.Minute):
			t.Error("the request hangs although its client has gone")
		}
	})
}

func TestSlow(t *testing.T) {
	inBubble(t, func(t *testing.T, r *Running) {
		start := time.Now()
		r.Script(JWKS, Slow(3*time.Hour))
		a := get(t, r, r.Issuer()+"/jwks")
		if got := time.Since(start); a.status != http.StatusOK || got != 3*time.Hour {
			t.Errorf("got status %d after %v, want 200 after 3h", a.status, got)
		}
	})
}

func TestOneOfManyRefreshesWins(t *testing.T) {
	inBubble(t, func(t *testing.T, r *Running) {
		first := login(t, r).text("refresh_token")
		var mu sync.Mutex
		statuses := make(map[int]int)
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				a := post(t, r, "/token", refreshForm(first))
				mu.Lock()
				defer mu.Unlock()
				statuses[a.status]++
			})
		}
		wg.Wait()
		if statuses[200] != 1 || statuses[400] != 15 || r.RefreshTokens() != 0 {
			t.Errorf("got %v and %d live tokens, want one 200, 15 times 400 and none", statuses, r.RefreshTokens())
		}
	})
}

func TestPipeLeadsNowhereElse(t *testing.T) {
	r := startPipe(t, testConfig())
	if resp, err := r.Client().Get("http://127.0.0.1:81/"); err == nil {
		_ = resp.Body.Close()
		t.Error("got an answer from another port")
	}
	if err := r.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if resp, err := r.Client().Get(r.Issuer() + "/jwks"); err == nil {
		_ = resp.Body.Close()
		t.Error("got an answer after Close")
	}
}
