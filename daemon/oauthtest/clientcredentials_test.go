package oauthtest

import (
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"
)

func machineConfig() Config {
	cfg := testConfig()
	own := []string{"client_credentials"}
	cfg.Registration = true
	cfg.AlwaysRefreshToken = true
	cfg.Clients = append(cfg.Clients,
		Client{ID: "batch", Name: "Nightly job", Secret: "batch-secret", GrantTypes: own},
		Client{ID: "reader", Secret: "reader-secret", AuthMethod: AuthPost, GrantTypes: own,
			Scopes: []string{"openid", "calendar.read", "unheard"}},
		Client{ID: "loud", GrantTypes: own},
		Client{ID: "web", Secret: "web-secret", GrantTypes: []string{"authorization_code"}},
	)
	return cfg
}

func ownForm(changes ...string) url.Values {
	return change(url.Values{"grant_type": {"client_credentials"}}, changes...)
}

func TestClientCredentials(t *testing.T) {
	reader := []string{"client_id", "reader", "client_secret", "reader-secret"}
	batch := []string{"batch", "batch-secret"}
	for _, tc := range []struct {
		name     string
		form     []string
		basic    []string
		status   int
		want     string // the scope, or the error
		audience any
	}{
		{"all of the server's", nil, batch, 200, "calendar.read calendar.write", nil},
		{"one", []string{"scope", "calendar.write"}, batch, 200, "calendar.write", nil},
		{"all of its own", reader, nil, 200, "calendar.read", nil},
		{"more than its own", append(reader, "scope", "calendar.write calendar.read"), nil, 200, "calendar.read", nil},
		{"none of its own", append(reader, "scope", "calendar.write"), nil, 400, "invalid_scope", nil},
		{"unsupported", append(reader, "scope", "unheard"), nil, 400, "invalid_scope", nil},
		{"a person's", append(reader, "scope", "openid"), nil, 400, "invalid_scope", nil},
		{"not well formed", []string{"scope", "calendar.read "}, batch, 400, "invalid_scope", nil},
		{"resource", []string{"resource", resourceA}, batch, 200, "calendar.read calendar.write", []any{resourceA}},
		{"bad resource", []string{"resource", "/api"}, batch, 400, "invalid_target", nil},
		{"audience", []string{"audience", "api"}, batch, 200, "calendar.read calendar.write", []any{"api"}},
		{"both", []string{"audience", "api", "resource", resourceB}, batch, 200, "calendar.read calendar.write",
			[]any{resourceB, "api"}},
		{"wrong secret", nil, []string{"batch", "x"}, 401, "invalid_client", nil},
		{"public client", []string{"client_id", "loud"}, nil, 400, "unauthorized_client", nil},
		{"client of another grant", nil, []string{"web", "web-secret"}, 400, "unauthorized_client", nil},
		{"grant not named", nil, []string{"basic app", "b&sic: sécret"}, 400, "unauthorized_client", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := startPipe(t, machineConfig())
			a := post(t, r, "/token", ownForm(tc.form...), tc.basic...)
			if tc.status != http.StatusOK {
				wantError(t, a, tc.status, tc.want)
				return
			}
			if a.status != 200 || a.text("scope") != tc.want || !reflect.DeepEqual(a.fields["audience"], tc.audience) {
				t.Errorf("got %d, scope %q, audience %v, want 200, %q, %v", a.status, a.text("scope"), a.fields["audience"], tc.want,
					tc.audience)
			}
			for _, name := range []string{"refresh_token", "id_token"} {
				if a.text(name) != "" {
					t.Errorf("got a %s, want none", name)
				}
			}
			if got := r.TokenRequests("client_credentials"); got != 1 {
				t.Errorf("TokenRequests: got %d, want 1", got)
			}
		})
	}
}

func TestOwnTokenWorks(t *testing.T) {
	now := newClock()
	cfg := machineConfig()
	cfg.Now = now.now
	r := startPipe(t, cfg)
	a := post(t, r, "/token", ownForm(), "batch", "batch-secret")
	bearer := "Bearer " + a.text("access_token")
	hello := get(t, r, r.Issuer()+"/api/hello", "Authorization", bearer)
	for field, want := range map[string]any{
		"message": "Hello, Nightly job!", "subject": "batch", "client_id": "batch", "scope": "calendar.read calendar.write",
	} {
		if got := hello.fields[field]; got != want {
			t.Errorf("%s: got %v, want %v", field, got, want)
		}
	}
	if a := get(t, r, r.Issuer()+"/userinfo", "Authorization", bearer); a.status != http.StatusForbidden {
		t.Errorf("userinfo: got status %d, want 403", a.status)
	}
	now.advance(time.Hour)
	if a := get(t, r, r.Issuer()+"/api/hello", "Authorization", bearer); a.status != http.StatusUnauthorized {
		t.Errorf("expired: got status %d, want 401", a.status)
	}
}

func TestClientCredentialsIsOfferedToSome(t *testing.T) {
	r := startPipe(t, testConfig())
	wantError(t, post(t, r, "/token", ownForm(), "basic app", "b&sic: sécret"), 400, "unsupported_grant_type")

	r = startPipe(t, machineConfig())
	m := get(t, r, r.Issuer()+"/.well-known/oauth-authorization-server")
	want := []any{"authorization_code", "refresh_token", "client_credentials"}
	if got := m.fields["grant_types_supported"]; !reflect.DeepEqual(got, want) {
		t.Errorf("grant_types_supported: got %v, want %v", got, want)
	}
	body := `{"application_type":"native","token_endpoint_auth_method":"none","redirect_uris":["http://127.0.0.1/cb"],` +
		`"grant_types":["client_credentials"]}`
	req := postRequest(t, r, "/register", body)
	req.Header.Set("Content-Type", "application/json")
	if a := do(t, r, req); a.status != 400 || !strings.Contains(a.text("error_description"), "public client") {
		t.Errorf("a registered client: got %d %q, want 400", a.status, a.text("error_description"))
	}
}
