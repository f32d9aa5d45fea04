package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"oauthd/daemon"
	"oauthd/daemon/config"
	"oauthd/daemon/oauthtest"
	"oauthd/ipc/api"
	"oauthd/ipc/client"
	"oauthd/keystore"

	"github.com/rs/zerolog"
)

// faultLifetime is too short for a refresh ahead of expiry: in these tests the provider is asked when a caller asks.
const faultLifetime = 4 * time.Second

// TestProviderFaults lets a provider fail in every known way and looks at the whole program: what the caller gets, what
// status says, and when the provider is asked again.
func TestProviderFaults(t *testing.T) {
	const (
		unreachable = api.ProviderUnreachable
		rejected    = api.ProviderRejected
		ended       = api.LoginRequired
		kept        = "you are still logged in"
		registered  = "registration at the provider"
		login       = "oauthd login work"
	)
	for _, test := range []struct {
		name    string
		fault   oauthtest.Fault
		refused bool // nobody listens
		mute    bool // no answer comes in time
		rotates bool // the provider gives a new refresh token with the answer
		code    api.Code
		retry   int    // the least retry_after; 0 means that none is told
		said    string // in the message
		hint    string
	}{
		{name: "connection refused", refused: true, code: unreachable, retry: 1, said: "connection refused", hint: kept},
		{name: "connection reset", fault: oauthtest.Reset(), code: unreachable, retry: 1, said: "connection", hint: kept},
		{name: "no answer", fault: oauthtest.Hang(), mute: true, code: unreachable, retry: 1, said: "no answer in time", hint: kept},
		{name: "too slow", fault: oauthtest.Slow(time.Hour), mute: true, code: unreachable, retry: 1, said: "no answer in time", hint: kept},
		{name: "cut off", fault: oauthtest.CutOff(), code: unreachable, retry: 1, said: "connection ended", hint: kept},
		{name: "HTML", fault: oauthtest.HTML(200), code: unreachable, retry: 1, said: "a web page", hint: kept},
		{name: "HTML of a gateway", fault: oauthtest.HTML(502), code: unreachable, retry: 1, said: "502", hint: kept},
		{name: "empty", fault: oauthtest.Empty(), code: unreachable, retry: 1, said: "empty", hint: kept},
		{name: "access_token a number", fault: oauthtest.Set("access_token", 42), rotates: true, code: rejected, said: "access_token", hint: kept},
		{name: "token_type DPoP", fault: oauthtest.Set("token_type", "DPoP"), rotates: true, code: rejected, said: "token_type", hint: registered},
		{name: "10 MB", fault: oauthtest.Huge(10 << 20), code: unreachable, retry: 1, said: "too large", hint: kept},
		{name: "307", fault: oauthtest.Redirect(307, "http://127.0.0.1:1/elsewhere"), code: rejected, said: "redirect", hint: kept},
		{name: "400 without a code", fault: oauthtest.Status(400), code: rejected, said: "400", hint: kept},
		{name: "400 invalid_request", fault: oauthtest.Error(400, "invalid_request"), code: rejected, said: "invalid_request", hint: registered},
		{name: "401 invalid_client", fault: oauthtest.Error(401, "invalid_client"), code: rejected, said: "invalid_client", hint: registered},
		{name: "400 invalid_grant", fault: oauthtest.Error(400, "invalid_grant"), code: ended, said: "invalid_grant", hint: login},
		{name: "400 unauthorized_client", fault: oauthtest.Error(400, "unauthorized_client"), code: rejected, said: "unauthorized_client", hint: registered},
		{name: "400 unsupported_grant_type", fault: oauthtest.Error(400, "unsupported_grant_type"), code: rejected, said: "unsupported_grant_type", hint: registered},
		{name: "400 invalid_scope", fault: oauthtest.Error(400, "invalid_scope"), code: rejected, said: "invalid_scope", hint: registered},
		{name: "400 invalid_target", fault: oauthtest.Error(400, "invalid_target"), code: rejected, said: "invalid_target", hint: registered},
		{name: "400 interaction_required", fault: oauthtest.Error(400, "interaction_required"), code: ended, said: "interaction_required", hint: login},
		{name: "400 temporarily_unavailable", fault: oauthtest.Error(400, "temporarily_unavailable"), code: unreachable, retry: 1, said: "temporarily_unavailable", hint: kept},
		{name: "400 server_error", fault: oauthtest.Error(400, "server_error"), code: unreachable, retry: 1, said: "server_error", hint: kept},
		{name: "400 of a code nobody knows", fault: oauthtest.Error(400, "who_knows"), code: rejected, said: "who_knows", hint: kept},
		{name: "401", fault: oauthtest.Status(401), code: rejected, said: "401", hint: kept},
		{name: "403", fault: oauthtest.Status(403), code: rejected, said: "403", hint: kept},
		{name: "408", fault: oauthtest.Status(408), code: unreachable, retry: 1, said: "408", hint: kept},
		{name: "429", fault: oauthtest.Status(429), code: unreachable, retry: 1, said: "429", hint: kept},
		{name: "429 with seconds", fault: oauthtest.RetryAfter(429, "90"), code: unreachable, retry: 90, said: "429", hint: kept},
		{name: "500", fault: oauthtest.Status(500), code: unreachable, retry: 1, said: "500", hint: kept},
		{name: "502", fault: oauthtest.Status(502), code: unreachable, retry: 1, said: "502", hint: kept},
		{name: "503 with a date", fault: inTwoMinutes, code: unreachable, retry: 110, said: "503", hint: kept},
		{name: "504", fault: oauthtest.Status(504), code: unreachable, retry: 1, said: "504", hint: kept},
		{name: "200 invalid_grant", fault: oauthtest.Error(200, "invalid_grant"), code: ended, said: "invalid_grant", hint: login},
		{name: "200 temporarily_unavailable", fault: oauthtest.Error(200, "temporarily_unavailable"), code: unreachable, retry: 1, said: "temporarily_unavailable", hint: kept},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := newFaultHouse(t, !test.rotates)
			h.login(t)
			h.pass(time.Hour)
			h.server.Always(oauthtest.Token, test.fault)
			h.refused.Store(test.refused)
			h.mute(test.mute)

			r := h.oauthd(t, "token", "work")
			if r.exit != test.code.ExitStatus() || r.stdout != "" || !strings.Contains(r.stderr, test.said) ||
				!strings.Contains(r.stderr, "\nhint: ") || !strings.Contains(r.stderr, test.hint) {
				t.Errorf("oauthd token: got exit %d, stdout %q, stderr %q, want exit %d, %q and the hint %q",
					r.exit, r.stdout, r.stderr, test.code.ExitStatus(), test.said, test.hint)
			}
			state := api.StateError
			if test.code == api.LoginRequired {
				state = api.StateLoginRequired
			}
			if a := h.status(t); a.State != state || a.LastError == nil || a.LastError.Code != test.code {
				t.Errorf("oauthd status: got %s, last error %v, want %s and %s", a.State, a.LastError, state, test.code)
			}

			// At once: no caller reaches the provider again.
			asked := h.server.Requests(oauthtest.Token)
			e := h.ask(t)
			if e == nil || e.Code != test.code || e.RetryAfter < test.retry || test.retry == 0 && e.RetryAfter != 0 {
				t.Fatalf("again at once: got %+v, want %s, retry_after %d or more", e, test.code, test.retry)
			}
			if got := h.server.Requests(oauthtest.Token); got != asked {
				t.Errorf("again at once: the provider was asked %d times more, want none", got-asked)
			}

			// Later, when the provider is well again, but not before it wants to be asked.
			h.server.Reset(oauthtest.Token)
			h.refused.Store(false)
			h.mute(false)
			if test.retry > 1 {
				h.pass(time.Duration(e.RetryAfter-1) * time.Second)
				if again := h.ask(t); again == nil || h.server.Requests(oauthtest.Token) != asked {
					t.Errorf("a second before retry_after: got %v, want the provider left alone", again)
				}
			}
			h.pass(time.Duration(max(1, e.RetryAfter)) * time.Second)
			if test.code == api.LoginRequired {
				h.pass(24 * time.Hour)
				if e := h.ask(t); e == nil || e.Code != api.LoginRequired || h.server.Requests(oauthtest.Token) != asked {
					t.Errorf("a day later: got %v, want %s without another request", e, api.LoginRequired)
				}
				h.login(t)
			}
			if r := h.oauthd(t, "token", "work"); r.exit != 0 {
				t.Fatalf("when the provider is well: got exit %d, stderr %q, want a token", r.exit, r.stderr)
			}
			if a := h.status(t); a.State != api.StateReady || a.LastError != nil {
				t.Errorf("when the provider is well: got %s, last error %v, want %s", a.State, a.LastError, api.StateReady)
			}

			// A token that still lives is served whatever becomes of its refresh.
			before := h.oauthd(t, "token", "work").stdout
			h.server.Always(oauthtest.Token, test.fault)
			h.refused.Store(test.refused)
			h.mute(test.mute)
			h.pass(faultLifetime - 500*time.Millisecond)
			if r := h.oauthd(t, "token", "work"); r.exit != 0 || r.stdout != before {
				t.Errorf("half a second before its end: got exit %d, the same token %t, stderr %q, want the one that is there",
					r.exit, r.stdout == before, r.stderr)
			}
			if a := h.status(t); a.LastError == nil || a.LastError.Code != test.code {
				t.Errorf("half a second before its end: got last error %v, want %s", a.LastError, test.code)
			}
		})
	}
}

// TestProviderQuirks has answers that are not quite by the book and yet good enough.
func TestProviderQuirks(t *testing.T) {
	for _, test := range []struct {
		name  string
		fault oauthtest.Fault
		keep  bool
		ends  bool // the answer has an expires_in
	}{
		{"slow", oauthtest.Slow(50 * time.Millisecond), false, true},
		{"lower-case bearer", oauthtest.Set("token_type", "bearer"), false, true},
		{"no token_type", oauthtest.Remove("token_type"), false, true},
		{"no expires_in", oauthtest.Remove("expires_in"), false, false},
		{"expires_in a string", oauthtest.Set("expires_in", "4"), false, true},
		{"expires_in a fraction", oauthtest.Set("expires_in", 4.5), false, true},
		{"no refresh token", oauthtest.Remove("refresh_token"), true, true},
		{"no scope", oauthtest.Remove("scope"), false, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := newFaultHouse(t, test.keep)
			h.login(t)
			h.server.Always(oauthtest.Token, test.fault)
			for range 3 { // the next refresh shows that the right refresh token was kept
				h.pass(time.Hour)
				r := h.oauthd(t, "token", "work", "--force", "--format", "json")
				var token api.Token
				if err := json.Unmarshal([]byte(r.stdout), &token); r.exit != 0 || err != nil {
					t.Fatalf("oauthd token: got exit %d, stderr %q, want a token", r.exit, r.stderr)
				}
				if token.TokenType != "Bearer" || token.Scope != "openid email offline_access" || (token.ExpiresIn != nil) != test.ends {
					t.Errorf("got type %q, scope %q, an end %t, want Bearer, openid email offline_access, %t",
						token.TokenType, token.Scope, token.ExpiresIn != nil, test.ends)
				}
				if a := h.status(t); a.State != api.StateReady || a.LastError != nil || (a.ExpiresAt != nil) != test.ends {
					t.Errorf("oauthd status: got %s, last error %v, an end %t, want %s, none, %t",
						a.State, a.LastError, a.ExpiresAt != nil, api.StateReady, test.ends)
				}
			}
		})
	}
}

// inTwoMinutes answers 503 with a date in Retry-After.
func inTwoMinutes(http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", time.Now().Add(2*time.Minute).UTC().Format(http.TimeFormat))
		w.WriteHeader(http.StatusServiceUnavailable)
	})
}

// faultHouse is a daemon whose clock stands still unless the test moves it, and the account work at a provider.
type faultHouse struct {
	server  *oauthtest.Running
	client  *client.Client
	clock   atomic.Int64 // Unix nanoseconds
	refused atomic.Bool
	waits   atomic.Int64 // how long an answer is waited for
}

func newFaultHouse(t *testing.T, keep bool) *faultHouse {
	t.Helper()
	h := &faultHouse{}
	h.clock.Store(time.Now().UnixNano())
	h.mute(false)
	var err error
	h.server, err = oauthtest.Listen(oauthtest.Config{
		Clients:     []oauthtest.Client{{ID: "app", RedirectURIs: []string{"http://127.0.0.1/callback"}}},
		AutoApprove: true, AlwaysRefreshToken: true, KeepRefreshTokens: keep, AccessTokenLifetime: faultLifetime,
		Now: h.now,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.server.Close() })

	dir, err := os.MkdirTemp("", "o") // a socket's path has to be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	socket := filepath.Join(dir, "oauthd.sock")
	t.Setenv("OAUTHD_SOCK", socket)
	t.Setenv("OAUTHD_NO_AUTOSTART", "1")
	t.Setenv("HOME", dir)
	h.client = &client.Client{Socket: socket}
	t.Cleanup(func() { _ = h.client.Close() })
	ctx, cancel := context.WithCancel(context.Background())
	ready, over := make(chan struct{}), make(chan error, 1)
	go func() {
		over <- runDaemon(ctx, daemon.Config{
			Dir: filepath.Join(dir, "config"), Config: &config.Config{Backend: "memory"}, Store: &keystore.Memory{},
			Log: zerolog.Nop(), UID: os.Getuid(), Socket: socket,
			HTTP: &http.Client{Transport: h},
			Now:  h.now,
		}, func(api.Status, error) { close(ready) })
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-over; err != nil {
			t.Errorf("the daemon: %v", err)
		}
	})
	<-ready
	return h
}

// RoundTrip implements [http.RoundTripper]: it is the daemon's way to the provider.
func (h *faultHouse) RoundTrip(r *http.Request) (*http.Response, error) {
	transport := &http.Transport{DisableKeepAlives: true, ResponseHeaderTimeout: time.Duration(h.waits.Load())}
	if h.refused.Load() {
		transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, "127.0.0.1:1") // tcpmux, which nobody has
		}
	}
	return transport.RoundTrip(r)
}

// mute shortens how long the daemon waits for an answer, if none will come.
func (h *faultHouse) mute(mute bool) {
	h.waits.Store(int64(waitLimitOf(mute)))
}

func waitLimitOf(mute bool) time.Duration {
	if mute {
		return 50 * time.Millisecond
	}
	return patience
}

func (h *faultHouse) now() time.Time { return time.Unix(0, h.clock.Load()) }

func (h *faultHouse) pass(d time.Duration) { h.clock.Add(int64(d)) }

// oauthd runs one command in this process.
func (h *faultHouse) oauthd(t *testing.T, args ...string) (r struct {
	exit           int
	stdout, stderr string
}) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	r.exit = run(t.Context(), args, stdio{strings.NewReader(""), &stdout, &stderr})
	r.stdout, r.stderr = stdout.String(), stderr.String()
	if kinds := leaks(r.stderr, true); len(kinds) > 0 {
		t.Fatalf("oauthd %s: stderr shows %s", strings.Join(args, " "), strings.Join(kinds, ", "))
	}
	return r
}

// status is what oauthd status reports the one account.
func (h *faultHouse) status(t *testing.T) api.Account {
	t.Helper()
	r := h.oauthd(t, "status", "--json")
	var s api.Status
	if err := json.Unmarshal([]byte(r.stdout), &s); r.exit != 0 || err != nil || len(s.Accounts) != 1 {
		t.Fatalf("oauthd status --json: got exit %d, %v, %d accounts, want one", r.exit, err, len(s.Accounts))
	}
	return s.Accounts[0]
}

// ask asks for a token and returns the error.
func (h *faultHouse) ask(t *testing.T) *api.Error {
	t.Helper()
	_, err := h.client.Token(t.Context(), api.TokenRequest{Account: "work"})
	var e *api.Error
	if err != nil && !errors.As(err, &e) {
		t.Fatalf("got %v, want an error with a code", err)
	}
	return e
}

func (h *faultHouse) login(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	followed := make(chan error, 1)
	err := h.client.Login(ctx, "work", api.AccountDefinition{
		Issuer: h.server.Issuer(), ClientID: "app", Scopes: []string{"openid", "email"},
	}, func(e api.LoginEvent) error {
		if e.Event == api.EventAuthorize {
			go func() {
				_, err := oauthtest.Follow(ctx, nil, e.URL, oauthtest.Allow)
				followed <- err
			}()
		}
		return nil
	})
	if err != nil {
		t.Fatalf("log in: %v", err)
	}
	if err := <-followed; err != nil {
		t.Fatal(err)
	}
}
