package oauthtest

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestAuthorizationResponse(t *testing.T) {
	r := startPipe(t, testConfig())
	got := authorize(t, r, parameters())
	if got.Get("code") == "" || got.Get("state") != testState || got.Get("iss") != "http://127.0.0.1" || len(got) != 3 {
		t.Errorf("got state %q, iss %q and %d parameters, want code, state as sent and iss", got.Get("state"), got.Get("iss"),
			len(got))
	}
	if got := authorize(t, r, parameters("state", "-")); got.Has("state") {
		t.Error("got a state where none was sent")
	}
}

func TestAuthorizeRedirectsErrors(t *testing.T) {
	twice := parameters()
	twice.Add("nonce", "n-2")
	for _, tc := range []struct {
		name  string
		query url.Values
		want  string
	}{
		{"no PKCE", parameters("code_challenge", "-", "code_challenge_method", "-"), "invalid_request"},
		{"plain", parameters("code_challenge_method", "plain"), "invalid_request"},
		{"no method means plain", parameters("code_challenge_method", "-"), "invalid_request"},
		{"short challenge", parameters("code_challenge", "abc"), "invalid_request"},
		{"padded challenge", parameters("code_challenge", testChallenge[:42]+"="), "invalid_request"},
		{"no response_type", parameters("response_type", "-"), "invalid_request"},
		{"implicit", parameters("response_type", "token"), "unsupported_response_type"},
		{"fragment", parameters("response_mode", "fragment"), "invalid_request"},
		{"request object", parameters("request", "e30.e30."), "request_not_supported"},
		{"request URI", parameters("request_uri", "http://127.0.0.1/r"), "request_uri_not_supported"},
		{"repeated", twice, "invalid_request"},
		{"no scope", parameters("scope", "-"), "invalid_scope"},
		{"two blanks", parameters("scope", "openid  email"), "invalid_scope"},
		{"unknown scope", parameters("scope", "openid files.read"), "invalid_scope"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := startPipe(t, testConfig())
			got := authorize(t, r, tc.query)
			if got.Get("error") != tc.want || got.Has("code") {
				t.Errorf("got error %q, code %t, want %q, false", got.Get("error"), got.Has("code"), tc.want)
			}
			if got.Get("state") != testState || got.Get("iss") != r.Issuer() {
				t.Errorf("got state %q iss %q, want both as in a success", got.Get("state"), got.Get("iss"))
			}
		})
	}
}

func TestAuthorizeNeverRedirectsElsewhere(t *testing.T) {
	twice := parameters()
	twice.Add("redirect_uri", "http://127.0.0.1:1/evil")
	for _, tc := range []struct {
		name  string
		query url.Values
	}{
		{"no client", parameters("client_id", "-")},
		{"unknown client", parameters("client_id", "nobody")},
		{"no redirect_uri", parameters("redirect_uri", "-")},
		{"other path", parameters("redirect_uri", "http://127.0.0.1:4711/evil")},
		{"other host", parameters("redirect_uri", "https://evil.example.com/callback")},
		{"two redirect_uris", twice},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := startPipe(t, testConfig())
			a := get(t, r, r.Issuer()+"/authorize?"+tc.query.Encode())
			if a.status != http.StatusBadRequest || a.header.Get("Location") != "" {
				t.Errorf("got status %d, Location set %t, want 400, false", a.status, a.header.Get("Location") != "")
			}
		})
	}
}

func TestRedirectURI(t *testing.T) {
	const loopback = "http://127.0.0.1/callback"
	for _, tc := range []struct {
		name, registered, uri string
		want                  bool
	}{
		{"any port", loopback, "http://127.0.0.1:65535/callback", true},
		{"no port", loopback, loopback, true},
		{"IPv6", "http://[::1]/callback", "http://[::1]:80/callback", true},
		{"localhost", "http://localhost", "http://localhost:8400", true},
		{"exact", "https://app.example.com/cb?a=1", "https://app.example.com/cb?a=1", true},
		{"registered port", "http://127.0.0.1:8400/callback", "http://127.0.0.1:8400/callback", true},
		{"other than the registered port", "http://127.0.0.1:8400/callback", "http://127.0.0.1:8401/callback", false},
		{"other loopback name", loopback, "http://localhost:1/callback", false},
		{"https", loopback, "https://127.0.0.1:1/callback", false},
		{"longer path", loopback, "http://127.0.0.1:1/callback/x", false},
		{"query", loopback, "http://127.0.0.1:1/callback?x=1", false},
		{"fragment", loopback, "http://127.0.0.1:1/callback#x", false},
		{"path in upper case", loopback, "http://127.0.0.1:1/CALLBACK", false},
		{"dots", loopback, "http://127.0.0.1:1/x/../callback", false},
		{"user info", loopback, "http://127.0.0.1:1@evil.example.com/callback", false},
		{"port zero", loopback, "http://127.0.0.1:0/callback", false},
		{"port with a sign", loopback, "http://127.0.0.1:+80/callback", false},
		{"port too high", loopback, "http://127.0.0.1:65536/callback", false},
		{"host goes on", loopback, "http://127.0.0.1.example.com:1/callback", false},
		{"registered host goes on", "http://localhost.example.com/callback", "http://localhost:1.example.com/callback", false},
		{"port of a far host", "https://app.example.com/cb", "https://app.example.com:1/cb", false},
		{"empty", loopback, "", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := Client{RedirectURIs: []string{tc.registered}}
			if got := c.registered(tc.uri); got != tc.want {
				t.Errorf("registered %q, asked %q: got %t, want %t", tc.registered, tc.uri, got, tc.want)
			}
		})
	}
}

func FuzzRedirectURI(f *testing.F) {
	f.Add("http://127.0.0.1:4711/callback")
	f.Add("http://127.0.0.1:1@evil.example.com/callback")
	f.Add("http://127.0.0.1:/callback")
	f.Fuzz(func(t *testing.T, uri string) {
		if !(Client{RedirectURIs: []string{"http://127.0.0.1/callback"}}).registered(uri) {
			return
		}
		u, err := url.Parse(uri)
		if err != nil || u.Hostname() != "127.0.0.1" || u.User != nil || u.Path != "/callback" || u.RawQuery != "" {
			t.Errorf("%q was taken for http://127.0.0.1/callback", uri)
		}
	})
}

func TestConsentPage(t *testing.T) {
	now := newClock()
	cfg := testConfig()
	cfg.AutoApprove = false
	cfg.Issuer = "/tenant"
	cfg.Now = now.now
	cfg.User = User{Subject: "1", Email: `<script>"ada@example.com"</script>`}
	cfg.Clients[0].Name = "Tool & <b>Co</b>"
	r := startPipe(t, cfg)
	address := r.Issuer() + "/authorize?" + parameters().Encode()
	decide := func(page answer, decision string) answer {
		t.Helper()
		at, form, ok := findForm(Page{URL: address, Body: page.body}, decision)
		if !ok || at.Path != "/tenant/authorize" {
			t.Fatalf("got no form to %s", "/tenant/authorize")
		}
		return post(t, r, "/authorize", form)
	}
	response := func(a answer) url.Values {
		t.Helper()
		u, err := url.Parse(a.header.Get("Location"))
		if err != nil || a.status != http.StatusSeeOther {
			t.Fatalf("got status %d, want 303", a.status)
		}
		return u.Query()
	}

	page := get(t, r, address)
	for _, want := range []string{"Tool &amp; &lt;b&gt;Co&lt;/b&gt;", "ada@example.com", "Read your calendar", "127.0.0.1:4711"} {
		if !strings.Contains(page.body, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(page.body, "<script") {
		t.Error("the page has a script")
	}
	policy := page.header.Get("Content-Security-Policy")
	if !strings.Contains(policy, "frame-ancestors 'none'") || strings.Contains(policy, "form-action") {
		t.Errorf("Content-Security-Policy: got %q, want frame-ancestors and no form-action", policy)
	}

	_, rest, _ := strings.Cut(page.body, "<style>")
	style, _, _ := strings.Cut(rest, "</style>")
	sum := sha256.Sum256([]byte(style))
	if want := "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"; !strings.Contains(policy, want) {
		t.Errorf("Content-Security-Policy: got %q, want the style's %s", policy, want)
	}

	if got := response(decide(page, Allow)); got.Get("code") == "" || got.Get("state") != testState {
		t.Errorf("allow: got code %t, state %q", got.Has("code"), got.Get("state"))
	}
	if a := decide(page, Allow); a.status != http.StatusBadRequest {
		t.Errorf("the same page again: got status %d, want 400", a.status)
	}
	if got := response(decide(get(t, r, address), Deny)); got.Get("error") != "access_denied" || got.Get("iss") != r.Issuer() {
		t.Errorf("deny: got error %q, iss %q, want access_denied, %q", got.Get("error"), got.Get("iss"), r.Issuer())
	}
	late := get(t, r, address)
	now.advance(pageLifetime)
	if a := decide(late, Allow); a.status != http.StatusBadRequest {
		t.Errorf("after %v: got status %d, want 400", pageLifetime, a.status)
	}
	if a := post(t, r, "/authorize", url.Values{"request": {"guess"}, "decision": {"allow"}}); a.status != http.StatusBadRequest {
		t.Errorf("guessed request: got status %d, want 400", a.status)
	}
	got := response(get(t, r, r.Issuer()+"/authorize?"+parameters("prompt", "none").Encode()))
	if got.Get("error") != "interaction_required" {
		t.Errorf("prompt=none: got error %q, want interaction_required", got.Get("error"))
	}
}

func TestDenyNextAndSetUser(t *testing.T) {
	r := startPipe(t, testConfig())
	r.DenyNext()
	if got := authorize(t, r, parameters()); got.Get("error") != "access_denied" {
		t.Errorf("after DenyNext: got error %q, want access_denied", got.Get("error"))
	}
	before := login(t, r).text("access_token")
	r.SetUser(User{Subject: "2", Email: "other@example.com"})
	after := login(t, r).text("access_token")
	for token, want := range map[string]string{before: "ada", after: "2"} {
		if got := get(t, r, r.Issuer()+"/userinfo", "Authorization", "Bearer "+token).text("sub"); got != want {
			t.Errorf("sub: got %q, want %q", got, want)
		}
	}
}

func TestCodeLifetime(t *testing.T) {
	for _, tc := range []struct {
		name  string
		after time.Duration
		want  int
	}{
		{"in time", codeLifetime - time.Second, http.StatusOK},
		{"late", codeLifetime, http.StatusBadRequest},
	} {
		t.Run(tc.name, func(t *testing.T) {
			now := newClock()
			cfg := testConfig()
			cfg.Now = now.now
			r := startPipe(t, cfg)
			code := authorize(t, r, parameters()).Get("code")
			now.advance(tc.after)
			if a := post(t, r, "/token", exchangeForm(code)); a.status != tc.want {
				t.Errorf("got status %d %q, want %d", a.status, a.text("error"), tc.want)
			}
		})
	}
}
