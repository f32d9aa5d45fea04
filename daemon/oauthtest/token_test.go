package oauthtest

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestExchange(t *testing.T) {
	cfg := testConfig()
	cfg.AccessTokenLifetime = 90 * time.Second
	r := startPipe(t, cfg)
	a := login(t, r)
	if a.text("token_type") != "Bearer" || a.fields["expires_in"] != 90.0 ||
		a.text("scope") != "openid email offline_access calendar.read" || a.text("refresh_token") == "" {
		t.Errorf("got type %q, expires_in %v, scope %q, refresh token %t", a.text("token_type"), a.fields["expires_in"],
			a.text("scope"), a.text("refresh_token") != "")
	}
	if a.header.Get("Cache-Control") != "no-store" {
		t.Errorf("Cache-Control: got %q, want no-store", a.header.Get("Cache-Control"))
	}
	if a := login(t, r, "scope", "calendar.read"); a.text("refresh_token") != "" {
		t.Error("got a refresh token without offline_access")
	}
	if got := r.TokenRequests("authorization_code"); got != 2 {
		t.Errorf("TokenRequests: got %d, want 2", got)
	}
	cfg.AlwaysRefreshToken = true
	if a := login(t, startPipe(t, cfg), "scope", "calendar.read"); a.text("refresh_token") == "" {
		t.Error("AlwaysRefreshToken: got none")
	}
}

func TestExchangeRefuses(t *testing.T) {
	for _, tc := range []struct {
		name, field, value string
		status             int
		want               string
	}{
		{"unknown code", "code", "guess", 400, "invalid_grant"},
		{"other port", "redirect_uri", "http://127.0.0.1:4712/callback", 400, "invalid_grant"},
		{"no redirect_uri", "redirect_uri", "-", 400, "invalid_grant"},
		{"no verifier", "code_verifier", "-", 400, "invalid_grant"},
		{"wrong verifier", "code_verifier", strings.Repeat("a", 43), 400, "invalid_grant"},
		{"challenge as verifier", "code_verifier", testChallenge, 400, "invalid_grant"},
		{"other client", "client_id", "other", 400, "invalid_grant"},
		{"unknown client", "client_id", "nobody", 401, "invalid_client"},
		{"no client", "client_id", "-", 401, "invalid_client"},
		{"no grant_type", "grant_type", "-", 400, "invalid_request"},
		{"unknown grant_type", "grant_type", "password", 400, "unsupported_grant_type"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := startPipe(t, testConfig())
			code := authorize(t, r, parameters()).Get("code")
			wantError(t, post(t, r, "/token", exchangeForm(code, tc.field, tc.value)), tc.status, tc.want)
		})
	}
}

func TestVerifierForm(t *testing.T) {
	for _, verifier := range []string{testVerifier[:42], strings.Repeat("a", 129), testVerifier[:42] + "="} {
		if verifies(testChallenge, verifier) {
			t.Errorf("a verifier of length %d was taken", len(verifier))
		}
	}
	if !verifies(testChallenge, testVerifier) {
		t.Error("RFC 7636's own verifier was refused")
	}
}

func TestCodeIsSpentOnce(t *testing.T) {
	r := startPipe(t, testConfig())
	code := authorize(t, r, parameters()).Get("code")
	first := post(t, r, "/token", exchangeForm(code))
	wantError(t, post(t, r, "/token", exchangeForm(code)), 400, "invalid_grant")
	if r.Active(first.text("refresh_token")) {
		t.Error("the refresh token outlived the second use of its code")
	}
	a := get(t, r, r.Issuer()+"/userinfo", "Authorization", "Bearer "+first.text("access_token"))
	if a.status != http.StatusUnauthorized {
		t.Errorf("access token after the second use: got status %d, want 401", a.status)
	}

	code = authorize(t, r, parameters()).Get("code")
	wantError(t, post(t, r, "/token", exchangeForm(code, "code_verifier", strings.Repeat("a", 43))), 400, "invalid_grant")
	wantError(t, post(t, r, "/token", exchangeForm(code)), 400, "invalid_grant")
}

func TestTokenRequestForm(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(*http.Request)
		body   string
		status int
	}{
		{"GET", func(r *http.Request) { r.Method = http.MethodGet }, "", 405},
		{"JSON", func(r *http.Request) { r.Header.Set("Content-Type", "application/json") }, "", 400},
		{"no type", func(r *http.Request) { r.Header.Del("Content-Type") }, "", 400},
		{"query", func(r *http.Request) { r.URL.RawQuery = "client_id=app" }, "", 400},
		{"repeated", nil, "&client_id=app", 400},
		{"not decodable", nil, "&x=%zz", 400},
		{"too long", nil, "&x=" + strings.Repeat("x", 70<<10), 400},
		{"unknown parameter", nil, "&x=1", 200},
		{"empty secret is none", nil, "&client_secret=", 200},
		{"two resources", nil, "&resource=https://a.example.com&resource=https://b.example.com", 200},
		{"charset", func(r *http.Request) {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=UTF-8")
		}, "", 200},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := startPipe(t, testConfig())
			code := authorize(t, r, parameters()).Get("code")
			req := postRequest(t, r, "/token", exchangeForm(code).Encode()+tc.body)
			if tc.change != nil {
				tc.change(req)
			}
			if a := do(t, r, req); a.status != tc.status {
				t.Errorf("got status %d %q, want %d", a.status, a.text("error"), tc.status)
			}
		})
	}
}

func TestClientAuthentication(t *testing.T) {
	for _, tc := range []struct {
		name   string
		client string
		form   []string
		basic  []string
		want   int
	}{
		{"public", "app", []string{"client_id", "app"}, nil, 200},
		{"public with a secret", "app", []string{"client_id", "app", "client_secret", "x"}, nil, 401},
		{"public with Basic", "app", []string{"client_id", "-"}, []string{"app", ""}, 401},
		{"basic", "basic app", []string{"client_id", "-"}, []string{"basic app", "b&sic: sécret"}, 200},
		{"basic and its client_id", "basic app", []string{"client_id", "basic app"}, []string{"basic app", "b&sic: sécret"}, 200},
		{"basic and another client_id", "basic app", []string{"client_id", "post"}, []string{"basic app", "b&sic: sécret"}, 401},
		{"basic, wrong secret", "basic app", []string{"client_id", "-"}, []string{"basic app", "x"}, 401},
		{"basic by post", "basic app", []string{"client_id", "basic app", "client_secret", "b&sic: sécret"}, nil, 401},
		{"basic without a secret", "basic app", []string{"client_id", "basic app"}, nil, 401},
		{"post", "post", []string{"client_id", "post", "client_secret", "post-secret"}, nil, 200},
		{"post, wrong secret", "post", []string{"client_id", "post", "client_secret", "x"}, nil, 401},
		{"post by Basic", "post", []string{"client_id", "-"}, []string{"post", "post-secret"}, 401},
		{"both ways", "post", []string{"client_id", "post", "client_secret", "post-secret"}, []string{"post", "post-secret"}, 401},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := startPipe(t, testConfig())
			code := authorize(t, r, parameters("client_id", tc.client)).Get("code")
			a := post(t, r, "/token", exchangeForm(code, tc.form...), tc.basic...)
			if a.status != tc.want {
				t.Errorf("got status %d %q, want %d", a.status, a.text("error"), tc.want)
			}
			if tc.want == 401 {
				wantError(t, a, 401, "invalid_client")
				if a.header.Get("WWW-Authenticate") == "" {
					t.Error("WWW-Authenticate is missing")
				}
			}
		})
	}
}

func TestRotation(t *testing.T) {
	r := startPipe(t, testConfig())
	first := login(t, r).text("refresh_token")
	a := post(t, r, "/token", refreshForm(first))
	second := a.text("refresh_token")
	if a.status != http.StatusOK || second == "" || second == first {
		t.Fatalf("refresh: got status %d, a new refresh token %t", a.status, second != "" && second != first)
	}
	if r.Active(first) || !r.Active(second) || r.RefreshTokens() != 1 {
		t.Errorf("got first %t, second %t, count %d, want false, true, 1", r.Active(first), r.Active(second), r.RefreshTokens())
	}
	wantError(t, post(t, r, "/token", refreshForm(first)), 400, "invalid_grant")
	if r.Active(second) || r.RefreshTokens() != 0 {
		t.Error("the family outlived the reuse of a spent refresh token")
	}
	wantError(t, post(t, r, "/token", refreshForm(second)), 400, "invalid_grant")
	if got := r.TokenRequests("refresh_token"); got != 3 {
		t.Errorf("TokenRequests: got %d, want 3", got)
	}
}

func TestRefresh(t *testing.T) {
	cfg := testConfig()
	for _, tc := range []struct {
		name   string
		form   []string
		status int
		want   string // the scope, or the error
	}{
		{"as it is", nil, 200, "openid email offline_access calendar.read"},
		{"narrow", []string{"scope", "calendar.read"}, 200, "calendar.read"},
		{"grow", []string{"scope", "calendar.read calendar.write"}, 400, "invalid_scope"},
		{"bad scope", []string{"scope", " "}, 400, "invalid_scope"},
		{"unknown token", []string{"refresh_token", "guess"}, 400, "invalid_grant"},
		{"other client", []string{"client_id", "other"}, 400, "invalid_grant"},
		{"no token", []string{"refresh_token", "-"}, 400, "invalid_grant"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := startPipe(t, cfg)
			first := login(t, r).text("refresh_token")
			a := post(t, r, "/token", refreshForm(first, tc.form...))
			if tc.status != http.StatusOK {
				wantError(t, a, tc.status, tc.want)
				if !r.Active(first) {
					t.Error("a refused request has spent the refresh token")
				}
				return
			}
			if a.status != tc.status || a.text("scope") != tc.want {
				t.Errorf("got %d, scope %q, want %d, %q", a.status, a.text("scope"), tc.status, tc.want)
			}
			again := post(t, r, "/token", refreshForm(a.text("refresh_token")))
			if want := "openid email offline_access calendar.read"; again.text("scope") != want {
				t.Errorf("the next refresh: got scope %q, want %q", again.text("scope"), want)
			}
		})
	}
}

func TestKeepRefreshTokens(t *testing.T) {
	cfg := testConfig()
	cfg.KeepRefreshTokens = true
	r := startPipe(t, cfg)
	first := login(t, r).text("refresh_token")
	for range 2 {
		if a := post(t, r, "/token", refreshForm(first)); a.status != http.StatusOK || a.text("refresh_token") != "" {
			t.Errorf("got status %d, refresh token %t, want 200, false", a.status, a.text("refresh_token") != "")
		}
	}
}

func TestRevoke(t *testing.T) {
	for _, tc := range []struct {
		name          string
		token, client string
		status        int
		grant, access bool // what is left
	}{
		{"refresh token", "refresh_token", "app", 200, false, false},
		{"access token", "access_token", "app", 200, true, false},
		{"unknown token", "scope", "app", 200, true, true},
		{"no token", "absent", "app", 400, true, true},
		{"refresh token of another client", "refresh_token", "other", 400, true, true},
		{"access token of another client", "access_token", "other", 400, true, true},
		{"unknown client", "refresh_token", "nobody", 401, true, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := startPipe(t, testConfig())
			a := login(t, r)
			got := post(t, r, "/revoke", url.Values{"token": {a.text(tc.token)}, "client_id": {tc.client}})
			if got.status != tc.status {
				t.Errorf("got status %d %q, want %d", got.status, got.text("error"), tc.status)
			}
			if active := r.Active(a.text("refresh_token")); active != tc.grant {
				t.Errorf("refresh token active: got %t, want %t", active, tc.grant)
			}
			info := get(t, r, r.Issuer()+"/userinfo", "Authorization", "Bearer "+a.text("access_token"))
			if (info.status == http.StatusOK) != tc.access {
				t.Errorf("userinfo: got status %d, want success %t", info.status, tc.access)
			}
		})
	}
}

func TestRevokeAll(t *testing.T) {
	r := startPipe(t, testConfig())
	a := login(t, r)
	code := authorize(t, r, parameters()).Get("code")
	r.RevokeAll()
	wantError(t, post(t, r, "/token", refreshForm(a.text("refresh_token"))), 400, "invalid_grant")
	wantError(t, post(t, r, "/token", exchangeForm(code)), 400, "invalid_grant")
	if n := r.RefreshTokens(); n != 0 {
		t.Errorf("RefreshTokens: got %d, want 0", n)
	}
	if login(t, r); r.RefreshTokens() != 1 {
		t.Errorf("RefreshTokens after a new login: got %d, want 1", r.RefreshTokens())
	}
}

func TestBearer(t *testing.T) {
	now := newClock()
	cfg := testConfig()
	cfg.Now = now.now
	r := startPipe(t, cfg)
	good := login(t, r, "scope", "openid profile email").text("access_token")
	plain := login(t, r, "scope", "calendar.read").text("access_token")
	for _, tc := range []struct {
		name, path, header string
		status             int
		challenge          string
	}{
		{"userinfo", "/userinfo", "bearer " + good, 200, ""},
		{"hello", "/api/hello", "Bearer " + plain, 200, ""},
		{"no header", "/userinfo", "", 401, `Bearer realm="oauthtest"`},
		{"in the query", "/userinfo?access_token=" + good, "", 401, `Bearer realm="oauthtest"`},
		{"unknown", "/api/hello", "Bearer guess", 401, `Bearer realm="oauthtest", error="invalid_token"`},
		{"no openid", "/userinfo", "Bearer " + plain, 403, `Bearer realm="oauthtest", error="insufficient_scope", scope="openid"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a := get(t, r, r.Issuer()+tc.path, "Authorization", tc.header)
			if a.status != tc.status || a.header.Get("WWW-Authenticate") != tc.challenge {
				t.Errorf("got %d, challenge %q, want %d, %q", a.status, a.header.Get("WWW-Authenticate"), tc.status, tc.challenge)
			}
		})
	}
	a := get(t, r, r.Issuer()+"/userinfo", "Authorization", "Bearer "+good)
	if a.text("email") != "ada@example.com" || a.text("name") != "Ada" {
		t.Errorf("userinfo: got email %q, name %q", a.text("email"), a.text("name"))
	}
	now.advance(time.Hour)
	if a := get(t, r, r.Issuer()+"/api/hello", "Authorization", "Bearer "+good); a.status != http.StatusUnauthorized {
		t.Errorf("an expired token: got status %d, want 401", a.status)
	}
}

func FuzzTokenRequest(f *testing.F) {
	f.Add("grant_type=refresh_token&refresh_token=x&client_id=app", "")
	f.Add("grant_type=authorization_code&code=x", "Basic YXBwOg==")
	f.Add("%", "Bearer x")
	r := Pipe(testConfig())
	f.Cleanup(func() { _ = r.Close() })
	f.Fuzz(func(t *testing.T, body, authorization string) {
		req := postRequest(t, r, "/token", body)
		req.Header["Authorization"] = []string{strings.Map(func(c rune) rune {
			if c < ' ' || c > '~' {
				return -1
			}
			return c
		}, authorization)}
		if a := do(t, r, req); a.status != 400 && a.status != 401 {
			t.Errorf("got status %d, want 400 or 401", a.status)
		}
	})
}
