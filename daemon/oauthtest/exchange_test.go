package oauthtest

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	exchangeTarget = "https://api.example.com"
	otherIssuer    = "http://127.0.0.1/notes"
	otherResource  = "https://mcp.notes.example/mcp"
)

// exchangeConfig is a server that exchanges tokens.
func exchangeConfig(now *clock) Config {
	cfg := testConfig()
	cfg.Now = now.now
	cfg.Exchange = &Exchange{
		Targets: []string{exchangeTarget}, Lifetime: 5 * time.Minute, Storage: true,
		Assertions: []AssertionTarget{{
			Issuer: otherIssuer, Clients: map[string]string{"app": "notes-app"}, Resources: []string{otherResource}, Scopes: []string{"notes.read"},
		}},
	}
	return cfg
}

// subjectForm is an exchange of token, with changes as in parameters.
func subjectForm(token, kind, want string, changes ...string) url.Values {
	return change(url.Values{
		"grant_type": {exchangeGrantType}, "client_id": {"app"}, "subject_token": {token}, "subject_token_type": {kind},
		"requested_token_type": {want},
	}, changes...)
}

func TestTokenExchange(t *testing.T) {
	now := newClock()
	r := startPipe(t, exchangeConfig(now))
	own := login(t, r).text("access_token")
	a := post(t, r, "/token", subjectForm(own, typeAccessToken, typeAccessToken, "scope", "calendar.read", "audience", exchangeTarget))
	if a.status != 200 || a.text("issued_token_type") != typeAccessToken || a.text("scope") != "calendar.read" || a.fields["refresh_token"] != nil {
		t.Fatalf("got %d with scope %q and type %q", a.status, a.text("scope"), a.text("issued_token_type"))
	}
	audience, ends, ok := r.Audience(a.text("access_token"))
	if !ok || !slices.Equal(audience, []string{exchangeTarget}) || !ends.Equal(now.now().Add(5*time.Minute)) {
		t.Errorf("got a token for %q until %v, valid: %t", audience, ends, ok)
	}
	now.advance(5 * time.Minute)
	if _, _, ok := r.Audience(a.text("access_token")); ok {
		t.Error("the token has not ended")
	}
}

func TestTokenExchangeRefuses(t *testing.T) {
	for _, tt := range []struct {
		name    string
		changes []string
		code    string
	}{
		{"no subject", []string{"subject_token", "-"}, "invalid_request"},
		{"another subject", []string{"subject_token", "at-nobody"}, "invalid_request"},
		{"a subject of another client", []string{"client_id", "other"}, "invalid_request"},
		{"the wrong type", []string{"subject_token_type", typeIDToken}, "invalid_request"},
		{"an actor", []string{"actor_token", "x"}, "invalid_request"},
		{"a refresh token wanted", []string{"requested_token_type", "urn:ietf:params:oauth:token-type:refresh_token"}, "invalid_request"},
		{"another audience", []string{"audience", "https://elsewhere.example"}, "invalid_target"},
		{"another resource", []string{"resource", "https://elsewhere.example"}, "invalid_target"},
		{"a resource that is none", []string{"resource", "api"}, "invalid_target"},
		{"more scopes", []string{"scope", "calendar.read calendar.write"}, "invalid_scope"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := startPipe(t, exchangeConfig(newClock()))
			own := login(t, r).text("access_token")
			wantError(t, post(t, r, "/token", subjectForm(own, typeAccessToken, typeAccessToken, tt.changes...)), 400, tt.code)
		})
	}
	t.Run("not offered", func(t *testing.T) {
		r := startPipe(t, testConfig())
		own := login(t, r).text("access_token")
		wantError(t, post(t, r, "/token", subjectForm(own, typeAccessToken, typeAccessToken)), 400, "unsupported_grant_type")
	})
	t.Run("a token that has ended", func(t *testing.T) {
		now := newClock()
		r := startPipe(t, exchangeConfig(now))
		own := login(t, r).text("access_token")
		now.advance(time.Hour)
		wantError(t, post(t, r, "/token", subjectForm(own, typeAccessToken, typeAccessToken)), 400, "invalid_request")
	})
}

// assertionOf has the server give an identity assertion for the ID token of a login.
func assertionOf(t *testing.T, r *Running, changes ...string) answer {
	t.Helper()
	id := login(t, r).text("id_token")
	changes = append([]string{"audience", otherIssuer, "resource", otherResource}, changes...)
	return post(t, r, "/token", subjectForm(id, typeIDToken, typeIDJAG, changes...))
}

func TestIdentityAssertionRefuses(t *testing.T) {
	for _, tt := range []struct {
		name    string
		changes []string
		code    string
	}{
		{"no JWT", []string{"subject_token", "at-1"}, "invalid_grant"},
		{"an ID token of another client", []string{"client_id", "other"}, "invalid_grant"},
		{"the wrong type", []string{"subject_token_type", typeAccessToken}, "invalid_request"},
		{"another server", []string{"audience", "http://evil.example"}, "invalid_target"},
		{"no server", []string{"audience", "-"}, "invalid_target"},
		{"another resource", []string{"resource", "https://elsewhere.example"}, "invalid_target"},
		{"no resource", []string{"resource", "-"}, "invalid_target"},
		{"another scope", []string{"scope", "admin"}, "invalid_scope"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			wantError(t, assertionOf(t, startPipe(t, exchangeConfig(newClock())), tt.changes...), 400, tt.code)
		})
	}
	t.Run("signed by another key", func(t *testing.T) {
		r := startPipe(t, exchangeConfig(newClock()))
		id := login(t, r).text("id_token")
		r.RotateKey()
		form := subjectForm(id, typeIDToken, typeIDJAG, "audience", otherIssuer, "resource", otherResource)
		wantError(t, post(t, r, "/token", form), 400, "invalid_grant")
	})
	t.Run("an ID token that has ended", func(t *testing.T) {
		now := newClock()
		r := startPipe(t, exchangeConfig(now))
		id := login(t, r).text("id_token")
		now.advance(time.Hour)
		form := subjectForm(id, typeIDToken, typeIDJAG, "audience", otherIssuer, "resource", otherResource)
		wantError(t, post(t, r, "/token", form), 400, "invalid_grant")
	})
}

func TestIdentityGrant(t *testing.T) {
	for _, tt := range []struct {
		name   string
		issuer string // that notes trusts
		self   string // notes' own issuer
		client string // that asks
		change func(assertion string, now *clock) string
		code   string // "" for a token
	}{
		{name: "a token"},
		{name: "an issuer that is not trusted", issuer: "http://evil.example", code: "invalid_grant"},
		{name: "an assertion for another server", self: "http://127.0.0.1/other", code: "invalid_grant"},
		{name: "an assertion for another client", client: "other", code: "invalid_grant"},
		{name: "no assertion", change: func(string, *clock) string { return "" }, code: "invalid_grant"},
		{name: "a signature that was cut", change: func(text string, _ *clock) string { return text[:len(text)-4] + "AAAA" }, code: "invalid_grant"},
		{name: "an assertion that has ended", change: func(text string, now *clock) string { now.advance(5 * time.Minute); return text }, code: "invalid_grant"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			now := newClock()
			corp := startPipe(t, exchangeConfig(now))
			or := func(text, otherwise string) string {
				if text == "" {
					return otherwise
				}
				return text
			}
			notes := startPipe(t, Config{
				Issuer: or(tt.self, otherIssuer), Scopes: []string{"notes.read"}, Clients: []Client{{ID: "notes-app"}, {ID: "other"}}, Now: now.now,
				Trusts: []TrustedIssuer{{Issuer: or(tt.issuer, corp.Issuer()), Keys: corp.Keys}},
			})
			a := assertionOf(t, corp)
			if a.status != 200 || a.text("issued_token_type") != typeIDJAG || a.text("token_type") != "N_A" {
				t.Fatalf("got %d of type %q, want an assertion", a.status, a.text("issued_token_type"))
			}
			text := a.text("access_token")
			if header, _ := jwtParts(text[:strings.LastIndex(text, ".")]); header.Type != jagType {
				t.Errorf("got the type %q, want %q", header.Type, jagType)
			}
			if tt.change != nil {
				text = tt.change(text, now)
			}
			got := post(t, notes, "/token", url.Values{
				"grant_type": {jwtBearerGrantType}, "client_id": {or(tt.client, "notes-app")}, "assertion": {text},
			})
			if tt.code != "" {
				wantError(t, got, 400, tt.code)
				return
			}
			audience, _, ok := notes.Audience(got.text("access_token"))
			if !ok || !slices.Equal(audience, []string{otherResource}) || got.text("scope") != "notes.read" || got.fields["refresh_token"] != nil {
				t.Errorf("got scope %q for %q, valid: %t; want a token for the resource alone", got.text("scope"), audience, ok)
			}
		})
	}
	t.Run("an ID token in its place", func(t *testing.T) {
		now := newClock()
		corp := startPipe(t, exchangeConfig(now))
		cfg := testConfig()
		cfg.Now, cfg.Trusts = now.now, []TrustedIssuer{{Issuer: corp.Issuer(), Keys: corp.Keys}}
		notes := startPipe(t, cfg)
		form := url.Values{"grant_type": {jwtBearerGrantType}, "client_id": {"app"}, "assertion": {login(t, corp).text("id_token")}}
		wantError(t, post(t, notes, "/token", form), 400, "invalid_grant")
	})
}

func TestTokenServiceRefuses(t *testing.T) {
	const boundary = `{"accessBoundary":{"accessBoundaryRules":[{"availableResource":"//storage.googleapis.com/projects/_/buckets/b-1",` +
		`"availablePermissions":["inRole:roles/storage.objectViewer"]}]}}`
	for _, tt := range []struct {
		name    string
		changes []string
		code    string // "" for a token
	}{
		{"a token", nil, ""},
		{"no boundary", []string{"options", "-"}, "invalid_request"},
		{"a boundary of no rule", []string{"options", `{"accessBoundary":{"accessBoundaryRules":[]}}`}, "invalid_request"},
		{"a boundary of nothing", []string{"options", `{"accessBoundary":{"accessBoundaryRules":[{}]}}`}, "invalid_request"},
		{"an unknown member", []string{"options", strings.Replace(boundary, "availableResource", "resource", 1)}, "invalid_request"},
		{"a client", []string{"client_id", "app"}, "invalid_request"},
		{"another subject", []string{"subject_token", "at-nobody"}, "invalid_grant"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := startPipe(t, exchangeConfig(newClock()))
			own := login(t, r).text("access_token")
			form := subjectForm(own, typeAccessToken, typeAccessToken, append([]string{"client_id", "-", "options", boundary}, tt.changes...)...)
			a := post(t, r, "/v1/token", form)
			if tt.code != "" {
				wantError(t, a, 400, tt.code)
				return
			}
			if _, _, ok := r.Audience(a.text("access_token")); !ok || a.status != 200 {
				t.Errorf("got %d, want a token", a.status)
			}
		})
	}
}
