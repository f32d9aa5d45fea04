package oauthtest

import (
	"net/http"
	"net/url"
	"reflect"
	"testing"
)

func TestCommaScopes(t *testing.T) {
	r := startPipe(t, testConfig())
	r.Always(Token, CommaScopes())
	a := login(t, r, "scope", "openid calendar.read offline_access")
	if got, want := a.text("scope"), "openid,calendar.read,offline_access"; got != want {
		t.Errorf("scope: got %q, want %q", got, want)
	}
	if a = post(t, r, "/token", refreshForm(a.text("refresh_token"), "scope", "calendar.read")); a.text("scope") != "calendar.read" {
		t.Errorf("one scope: got %q, want calendar.read", a.text("scope"))
	}
}

func TestUserScope(t *testing.T) {
	r := startPipe(t, testConfig())
	r.Always(Authorize, UserScope())
	for name, tc := range map[string]struct{ scope, userScope, want string }{
		"user_scope": {"-", "calendar.read,offline_access", "calendar.read offline_access"},
		"both":       {"commands", "calendar.read", "calendar.read"},
		"scope":      {"calendar.write", "-", "calendar.write"},
	} {
		if got := login(t, r, "scope", tc.scope, "user_scope", tc.userScope).text("scope"); got != tc.want {
			t.Errorf("%s: got %q, want %q", name, got, tc.want)
		}
	}
}

func TestAddedFields(t *testing.T) {
	now := newClock()
	cfg := testConfig()
	cfg.Now = now.now
	for _, tc := range []struct {
		name  string
		fault func(*Server) Fault
		field string
		want  any
	}{
		{"expires_in as text", func(*Server) Fault { return TextExpiresIn() }, "expires_in", "3600"},
		{"created_at", (*Server).CreatedAt, "created_at", float64(now.at.Unix())},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := startPipe(t, cfg)
			r.Always(Token, tc.fault(r.Server))
			a := login(t, r)
			if got := a.fields[tc.field]; got != tc.want {
				t.Errorf("%s: got %v, want %v", tc.field, got, tc.want)
			}
			wantError(t, post(t, r, "/token", refreshForm("guess")), 400, "invalid_grant")
		})
	}
	t.Run("no expires_in", func(t *testing.T) {
		r := startPipe(t, testConfig())
		r.Always(Token, Chain(TextExpiresIn(), Remove("expires_in")))
		if got, found := login(t, r).fields["expires_in"]; found {
			t.Errorf("expires_in: got %v, want none", got)
		}
	})
}

func TestErrorsIn200(t *testing.T) {
	for _, tc := range []struct {
		name  string
		fault Fault
		form  url.Values
		want  map[string]any
	}{
		{"GitHub, refresh", GitHubErrors(), refreshForm("guess"),
			map[string]any{"error": "bad_refresh_token", "error_description": "the refresh token is not valid"}},
		{"GitHub, code", GitHubErrors(), exchangeForm("guess"), map[string]any{"error": "bad_verification_code",
			"error_description": "the code is not valid for this client, redirect URI and verifier"}},
		{"GitHub, client", GitHubErrors(), refreshForm("guess", "client_id", "nobody"),
			map[string]any{"error": "incorrect_client_credentials", "error_description": "client authentication failed"}},
		{"GitHub, other", GitHubErrors(), refreshForm("guess", "grant_type", "-"),
			map[string]any{"error": "invalid_request", "error_description": "grant_type is missing"}},
		{"Slack, refresh", SlackErrors(), refreshForm("guess"), map[string]any{"ok": false, "error": "invalid_refresh_token"}},
		{"Slack, code", SlackErrors(), exchangeForm("guess"), map[string]any{"ok": false, "error": "invalid_code"}},
		{"Slack, client", SlackErrors(), refreshForm("guess", "client_id", "nobody"),
			map[string]any{"ok": false, "error": "bad_client_secret"}},
		{"Slack, other", SlackErrors(), refreshForm("guess", "grant_type", "-"),
			map[string]any{"ok": false, "error": "invalid_request"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := startPipe(t, testConfig())
			r.Always(Token, tc.fault)
			a := post(t, r, "/token", tc.form)
			if a.status != http.StatusOK || !reflect.DeepEqual(a.fields, tc.want) {
				t.Errorf("got %d %v, want 200 %v", a.status, a.fields, tc.want)
			}
			if got := a.header.Get("WWW-Authenticate"); got != "" {
				t.Errorf("WWW-Authenticate: got %q, want none", got)
			}
			good := login(t, r)
			if good.text("access_token") == "" || good.fields["error"] != nil {
				t.Errorf("a success has access token %t, error %v", good.text("access_token") != "", good.fields["error"])
			}
			if _, slack := tc.want["ok"]; slack != (good.fields["ok"] == true) {
				t.Errorf("a success has ok %v", good.fields["ok"])
			}
		})
	}
	t.Run("other failures pass", func(t *testing.T) {
		r := startPipe(t, testConfig())
		r.Script(Token, Chain(GitHubErrors(), Status(404)), Chain(GitHubErrors(), Error(503, "temporarily_unavailable")))
		for _, want := range []int{404, 503} {
			if a := post(t, r, "/token", refreshForm("guess")); a.status != want {
				t.Errorf("got status %d, want %d", a.status, want)
			}
		}
	})
	t.Run("Slack, revocation", func(t *testing.T) {
		cfg := testConfig()
		cfg.Revocation = RevocationBearer
		r := startPipe(t, cfg)
		r.Always(Revoke, SlackErrors())
		for _, tc := range []struct {
			token string
			want  map[string]any
		}{
			{"guess", map[string]any{"ok": false, "error": "invalid_auth"}},
			{login(t, r).text("access_token"), map[string]any{"ok": true, "revoked": true}},
		} {
			a := sendRevocation(t, r, http.MethodPost, "/revoke", "", func(req *http.Request) {
				req.Header.Set("Authorization", "Bearer "+tc.token)
			})
			if a.status != http.StatusOK || !reflect.DeepEqual(a.fields, tc.want) {
				t.Errorf("got %d %v, want 200 %v", a.status, a.fields, tc.want)
			}
		}
	})
}

func TestNestUserToken(t *testing.T) {
	r := startPipe(t, testConfig())
	r.Always(Token, Chain(CommaScopes(), r.NestUserToken(), SlackErrors()))
	a := login(t, r, "scope", "calendar.read offline_access")
	nested, _ := a.fields["authed_user"].(map[string]any)
	user := answer{fields: nested}
	if a.text("token_type") != "bot" || a.text("refresh_token") != "" || a.text("scope") != "commands" || a.fields["ok"] != true {
		t.Errorf("outside: got type %q, refresh token %t, scope %q, ok %v", a.text("token_type"), a.text("refresh_token") != "",
			a.text("scope"), a.fields["ok"])
	}
	if user.text("token_type") != "user" || user.text("id") != "ada" || user.text("scope") != "calendar.read,offline_access" ||
		user.fields["expires_in"] != 3600.0 {
		t.Errorf("inside: got type %q, id %q, scope %q, expires_in %v", user.text("token_type"), user.text("id"),
			user.text("scope"), user.fields["expires_in"])
	}
	for want, tokens := range map[string]answer{"bot": a, "ada": user} {
		hello := get(t, r, r.Issuer()+"/api/hello", "Authorization", "Bearer "+tokens.text("access_token"))
		if got := hello.text("subject"); got != want {
			t.Errorf("subject of the token: got %q, want %q", got, want)
		}
	}
	fresh := post(t, r, "/token", refreshForm(user.text("refresh_token")))
	if fresh.text("token_type") != "user" || fresh.fields["authed_user"] != nil || !works(t, r, fresh.text("access_token")) ||
		fresh.text("refresh_token") == "" {
		t.Errorf("refresh: got type %q, nested %t, refresh token %t", fresh.text("token_type"), fresh.fields["authed_user"] != nil,
			fresh.text("refresh_token") != "")
	}
	refused := post(t, r, "/token", refreshForm("guess"))
	if want := map[string]any{"ok": false, "error": "invalid_refresh_token"}; !reflect.DeepEqual(refused.fields, want) {
		t.Errorf("refusal: got %v, want %v", refused.fields, want)
	}
	refused = post(t, r, "/token", exchangeForm("guess"))
	if want := map[string]any{"ok": false, "error": "invalid_code"}; !reflect.DeepEqual(refused.fields, want) {
		t.Errorf("refusal of a code: got %v, want %v", refused.fields, want)
	}
}

func TestRefreshTokenOnce(t *testing.T) {
	cfg := testConfig()
	cfg.RefreshTokenOnce, cfg.Device = true, true
	r := startPipe(t, cfg)
	check := func(name string, a answer, want bool) {
		t.Helper()
		if got := a.text("refresh_token") != ""; got != want || a.text("access_token") == "" {
			t.Errorf("%s: refresh token %t, access token %t, want %t, true", name, got, a.text("access_token") != "", want)
		}
	}
	first := login(t, r)
	check("first consent", first, true)
	check("second consent", login(t, r), false)
	check("prompt=consent", login(t, r, "prompt", "select_account consent"), true)
	check("another prompt", login(t, r, "prompt", "select_account"), false)
	rotated := post(t, r, "/token", refreshForm(first.text("refresh_token")))
	check("refresh", rotated, true)
	check("after a refresh", login(t, r), false)
	check("another client", loginAs(t, r), true)

	r.SetUser(User{Subject: "grace", Email: "grace@example.com"})
	check("another person", login(t, r), true)
	r.SetUser(User{Subject: "ada", Email: "ada@example.com"})

	d := post(t, r, "/device_authorization", url.Values{"client_id": {"app"}, "scope": {"calendar.read offline_access"}})
	if err := r.ApproveDevice(d.text("user_code")); err != nil {
		t.Fatal(err)
	}
	check("device", post(t, r, "/token", url.Values{
		"grant_type": {deviceGrantType}, "client_id": {"app"}, "device_code": {d.text("device_code")},
	}), true)

	r.RevokeAll()
	check("after revocation", login(t, r), true)
	check("and again", login(t, r), false)
}

func TestRefreshKillsAccessTokens(t *testing.T) {
	for _, kills := range []bool{true, false} {
		cfg := testConfig()
		cfg.RefreshKillsAccessTokens = kills
		r := startPipe(t, cfg)
		other, a := login(t, r), login(t, r)
		wantError(t, post(t, r, "/token", refreshForm(a.text("refresh_token"), "scope", "calendar.write")), 400, "invalid_scope")
		if !works(t, r, a.text("access_token")) {
			t.Errorf("kills %t: a refused refresh has ended the access token", kills)
		}
		fresh := post(t, r, "/token", refreshForm(a.text("refresh_token")))
		if got := works(t, r, a.text("access_token")); got == kills {
			t.Errorf("kills %t: the old access token works: got %t", kills, got)
		}
		if !works(t, r, fresh.text("access_token")) || !works(t, r, other.text("access_token")) {
			t.Errorf("kills %t: the new token works %t, that of another grant %t, want true, true", kills,
				works(t, r, fresh.text("access_token")), works(t, r, other.text("access_token")))
		}
	}
}

func TestRefreshNeedsRedirectURI(t *testing.T) {
	cfg := testConfig()
	cfg.RefreshNeedsRedirectURI = true
	r := startPipe(t, cfg)
	first := login(t, r).text("refresh_token")
	for name, uri := range map[string]string{"none": "-", "another port": "http://127.0.0.1:4712/callback"} {
		wantError(t, post(t, r, "/token", refreshForm(first, "redirect_uri", uri)), 400, "invalid_grant")
		if !r.Active(first) {
			t.Errorf("%s: the refused request has spent the refresh token", name)
		}
	}
	second := post(t, r, "/token", refreshForm(first, "redirect_uri", testRedirect)).text("refresh_token")
	if a := post(t, r, "/token", refreshForm(second, "redirect_uri", testRedirect)); a.status != http.StatusOK {
		t.Errorf("repeated: got %d %q, want 200", a.status, a.text("error"))
	}
}
