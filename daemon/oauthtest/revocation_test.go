package oauthtest

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// sendRevocation sends a request in any form of revocation.
func sendRevocation(t *testing.T, r *Running, method, path, body string, change func(*http.Request)) answer {
	t.Helper()
	req, err := http.NewRequest(method, r.Issuer()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	change(req)
	return do(t, r, req)
}

// loginAs returns the token response of a login of the client "basic app".
func loginAs(t *testing.T, r *Running) answer {
	t.Helper()
	code := authorize(t, r, parameters("client_id", "basic app")).Get("code")
	a := post(t, r, "/token", exchangeForm(code, "client_id", "-"), "basic app", "b&sic: sécret")
	if a.status != http.StatusOK {
		t.Fatalf("login: got status %d %s, want 200", a.status, a.text("error"))
	}
	return a
}

// works reports whether the protected resource takes an access token.
func works(t *testing.T, r *Running, accessToken string) bool {
	t.Helper()
	return get(t, r, r.Issuer()+"/api/hello", "Authorization", "Bearer "+accessToken).status == http.StatusOK
}

func TestRevocationGitHub(t *testing.T) {
	const path = "/applications/basic%20app/grant"
	basic := func(req *http.Request) { req.SetBasicAuth("basic app", "b&sic: sécret") }
	for _, tc := range []struct {
		name         string
		method, path string
		token        string // "own", "foreign", or the token
		change       func(*http.Request)
		status       int
	}{
		{"right", http.MethodDelete, path, "own", basic, 204},
		{"token of another client", http.MethodDelete, path, "foreign", basic, 404},
		{"unknown token", http.MethodDelete, path, "guess", basic, 404},
		{"no token", http.MethodDelete, path, "", basic, 422},
		{"no secret", http.MethodDelete, path, "own", func(*http.Request) {}, 401},
		{"wrong secret", http.MethodDelete, path, "own", func(req *http.Request) { req.SetBasicAuth("basic app", "x") }, 401},
		{"public client", http.MethodDelete, "/applications/app/grant", "foreign",
			func(req *http.Request) { req.SetBasicAuth("app", "") }, 401},
		{"path of another client", http.MethodDelete, "/applications/app/grant", "own", basic, 401},
		{"POST", http.MethodPost, path, "own", basic, 405},
		{"another form", http.MethodPost, "/revoke", "own", basic, 404},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cfg := testConfig()
			cfg.Revocation = RevocationGitHub
			r := startPipe(t, cfg)
			r.SetUser(User{Subject: "grace"})
			somebody := loginAs(t, r)
			r.SetUser(User{Subject: "ada"})
			earlier, own, foreign := loginAs(t, r), loginAs(t, r), login(t, r)
			token := map[string]string{"own": own.text("access_token"), "foreign": foreign.text("access_token")}[tc.token]
			if token == "" {
				token = tc.token
			}
			a := sendRevocation(t, r, tc.method, tc.path, `{"access_token":"`+token+`"}`, tc.change)
			if a.status != tc.status {
				t.Errorf("got status %d, want %d", a.status, tc.status)
			}
			left := tc.status != http.StatusNoContent
			for name, tokens := range map[string]answer{"this login": own, "an earlier login": earlier} {
				if r.Active(tokens.text("refresh_token")) != left || works(t, r, tokens.text("access_token")) != left {
					t.Errorf("%s: refresh token active %t, want %t, and the access token alike", name,
						r.Active(tokens.text("refresh_token")), left)
				}
			}
			if !r.Active(foreign.text("refresh_token")) || !works(t, r, foreign.text("access_token")) {
				t.Error("another client's grant was ended")
			}
			if !r.Active(somebody.text("refresh_token")) {
				t.Error("another person's grant was ended")
			}
			if got, want := r.Requests(Revoke), 1; got != want && tc.name != "another form" {
				t.Errorf("Requests(Revoke): got %d, want %d", got, want)
			}
		})
	}
}

func TestRevocationBearer(t *testing.T) {
	for _, tc := range []struct {
		name, scheme string
		known        bool
		method       string
		status       int
	}{
		{"right", "Bearer ", true, http.MethodPost, 200},
		{"lower case", "bearer ", true, http.MethodPost, 200},
		{"unknown token", "Bearer ", false, http.MethodPost, 401},
		{"Basic", "Basic ", true, http.MethodPost, 401},
		{"GET", "Bearer ", true, http.MethodGet, 405},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cfg := testConfig()
			cfg.Revocation = RevocationBearer
			r := startPipe(t, cfg)
			a, other := login(t, r), login(t, r)
			token := "guess"
			if tc.known {
				token = a.text("access_token")
			}
			got := sendRevocation(t, r, tc.method, "/revoke", "", func(req *http.Request) {
				req.Header.Set("Authorization", tc.scheme+token)
			})
			if got.status != tc.status {
				t.Errorf("got status %d, want %d", got.status, tc.status)
			}
			left := tc.status != http.StatusOK
			if r.Active(a.text("refresh_token")) != left || works(t, r, a.text("access_token")) != left {
				t.Errorf("refresh token active %t, want %t, and the access token alike", r.Active(a.text("refresh_token")), left)
			}
			if !r.Active(other.text("refresh_token")) {
				t.Error("another grant was ended")
			}
		})
	}
	t.Run("a form is not enough", func(t *testing.T) {
		cfg := testConfig()
		cfg.Revocation = RevocationBearer
		r := startPipe(t, cfg)
		a := login(t, r)
		form := url.Values{"token": {a.text("refresh_token")}, "client_id": {"app"}}
		if got := post(t, r, "/revoke", form); got.status != 401 || !r.Active(a.text("refresh_token")) {
			t.Errorf("got status %d, active %t, want 401, true", got.status, r.Active(a.text("refresh_token")))
		}
	})
}

func TestRevocationInTheMetadata(t *testing.T) {
	for form, want := range map[RevocationForm]any{
		RevocationRFC7009: "http://127.0.0.1/revoke", RevocationGitHub: nil, RevocationBearer: nil,
	} {
		cfg := testConfig()
		cfg.Revocation = form
		r := startPipe(t, cfg)
		m := get(t, r, r.Issuer()+"/.well-known/oauth-authorization-server")
		if got := m.fields["revocation_endpoint"]; got != want {
			t.Errorf("%q: revocation_endpoint: got %v, want %v", form, got, want)
		}
		if got := m.fields["revocation_endpoint_auth_methods_supported"]; (got != nil) != (want != nil) {
			t.Errorf("%q: revocation_endpoint_auth_methods_supported: got %v", form, got)
		}
	}
}
