package oauthtest

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

func pushForm(changes ...string) url.Values { return parameters(changes...) }

// short is the authorization URL of a pushed request.
func short(r *Running, client, requestURI string, more ...string) string {
	return r.Issuer() + "/authorize?" + change(url.Values{"client_id": {client}, "request_uri": {requestURI}}, more...).Encode()
}

func TestPAR(t *testing.T) {
	now := newClock()
	cfg := testConfig()
	cfg.PAR, cfg.Now = true, now.now
	r := startPipe(t, cfg)
	push := func(changes ...string) string {
		t.Helper()
		a := post(t, r, "/par", pushForm(changes...))
		if a.status != http.StatusCreated || !strings.HasPrefix(a.text("request_uri"), requestURIPrefix) || a.fields["expires_in"] != 60.0 {
			t.Fatalf("got %d %q, expires_in %v, want 201 and 60", a.status, a.text("error"), a.fields["expires_in"])
		}
		return a.text("request_uri")
	}
	uri := push("prompt", "consent")
	a := get(t, r, short(r, "app", uri, "scope", "files.read", "state", "other", "redirect_uri", "https://evil.example.com/"))
	u, err := url.Parse(a.header.Get("Location"))
	if err != nil || a.status != http.StatusSeeOther || u.Query().Get("state") != testState || u.Host != "127.0.0.1:4711" {
		t.Fatalf("got status %d, state %q, host %q; want what was pushed", a.status, u.Query().Get("state"), u.Host)
	}
	if got := post(t, r, "/token", exchangeForm(u.Query().Get("code"))); got.status != http.StatusOK ||
		got.text("scope") != "openid email offline_access calendar.read" {
		t.Errorf("got %d, scope %q, want the pushed one", got.status, got.text("scope"))
	}
	if a := get(t, r, short(r, "app", uri)); a.status != http.StatusBadRequest || a.header.Get("Location") != "" {
		t.Errorf("used: got status %d, want a page with 400", a.status)
	}
	late := push()
	now.advance(requestURILifetime)
	mine := push()
	for name, address := range map[string]string{
		"late":           short(r, "app", late),
		"unknown":        short(r, "app", requestURIPrefix+"guess"),
		"other client's": short(r, "other", mine),
		"no client_id":   short(r, "-", mine, "client_id", "-"),
	} {
		if a := get(t, r, address); a.status != http.StatusBadRequest || a.header.Get("Location") != "" {
			t.Errorf("%s: got status %d, want a page with 400", name, a.status)
		}
	}
	if a := get(t, r, short(r, "app", mine)); a.status != http.StatusSeeOther {
		t.Errorf("after others tried: got status %d, want 303", a.status)
	}
	if got := authorize(t, r, parameters()); got.Get("code") == "" {
		t.Error("without pushing: got no code where PAR is only offered")
	}
	if got := r.Requests(PAR); got != 3 {
		t.Errorf("Requests: got %d, want 3", got)
	}
}

func TestPARRefuses(t *testing.T) {
	cfg := testConfig()
	cfg.RequirePAR = true
	r := startPipe(t, cfg)
	for _, tc := range []struct {
		name   string
		form   url.Values
		basic  []string
		status int
		want   string
	}{
		{"confidential client", pushForm("client_id", "basic app"), []string{"basic app", "b&sic: sécret"}, 201, ""},
		{"client_id in Basic alone", pushForm("client_id", "-"), []string{"basic app", "b&sic: sécret"}, 400, "invalid_request"},
		{"no authentication", pushForm("client_id", "basic app"), nil, 401, "invalid_client"},
		{"unknown client", pushForm("client_id", "nobody"), nil, 401, "invalid_client"},
		{"request_uri", pushForm("request_uri", requestURIPrefix+"x"), nil, 400, "invalid_request"},
		{"redirect URI", pushForm("redirect_uri", "https://evil.example.com/"), nil, 400, "invalid_request"},
		{"no PKCE", pushForm("code_challenge", "-"), nil, 400, "invalid_request"},
		{"scope", pushForm("scope", "files.read"), nil, 400, "invalid_scope"},
		{"response_type", pushForm("response_type", "token"), nil, 400, "unsupported_response_type"},
		{"resource", pushForm("resource", "https://api.example.com/#f"), nil, 400, "invalid_target"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a := post(t, r, "/par", tc.form, tc.basic...)
			if tc.want == "" {
				if a.status != tc.status {
					t.Errorf("got %d %q, want %d", a.status, a.text("error"), tc.status)
				}
				return
			}
			wantError(t, a, tc.status, tc.want)
		})
	}
	if got := authorize(t, r, parameters()); got.Get("error") != "invalid_request" || got.Get("state") != testState {
		t.Errorf("not pushed: got error %q, state %q, want invalid_request and the state", got.Get("error"), got.Get("state"))
	}
	if a := get(t, r, r.Issuer()+"/par"); a.status != http.StatusMethodNotAllowed {
		t.Errorf("GET: got status %d, want 405", a.status)
	}
}

func TestPARLifetimeIsThatOfTheAnswer(t *testing.T) {
	now := newClock()
	cfg := testConfig()
	cfg.RequirePAR, cfg.Now = true, now.now
	r := startPipe(t, cfg)
	uri := post(t, r, "/par", pushForm()).text("request_uri")
	now.advance(requestURILifetime - time.Second)
	if a := get(t, r, short(r, "app", uri)); a.status != http.StatusSeeOther {
		t.Errorf("got status %d, want 303", a.status)
	}
}
