package oauthtest

import (
	"context"
	"net/http"
	"reflect"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
)

func TestDiscovery(t *testing.T) {
	for _, tc := range []struct {
		name, issuer string
		paths        []string
	}{
		{"no path", "", []string{"/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"}},
		{"path", "/tenant/a", []string{
			"/.well-known/oauth-authorization-server/tenant/a", "/.well-known/openid-configuration/tenant/a",
			"/tenant/a/.well-known/openid-configuration",
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cfg := testConfig()
			cfg.Issuer = tc.issuer
			r := startPipe(t, cfg)
			issuer := "http://127.0.0.1" + tc.issuer
			want := map[string]any{
				"issuer":                 issuer,
				"authorization_endpoint": issuer + "/authorize",
				"token_endpoint":         issuer + "/token",
				"revocation_endpoint":    issuer + "/revoke",
				"userinfo_endpoint":      issuer + "/userinfo",
				"jwks_uri":               issuer + "/jwks",
				"authorization_response_iss_parameter_supported": true,
				"code_challenge_methods_supported":               []any{"S256"},
				"token_endpoint_auth_methods_supported":          []any{AuthNone, AuthBasic, AuthPost},
				"grant_types_supported":                          []any{"authorization_code", "refresh_token"},
				"id_token_signing_alg_values_supported":          []any{"ES256"},
				"request_uri_parameter_supported":                false,
				"scopes_supported": []any{"openid", "profile", "email", "offline_access", "calendar.read",
					"calendar.write"},
			}
			for _, path := range tc.paths {
				a := get(t, r, r.URL+path)
				if a.status != http.StatusOK {
					t.Fatalf("%s: got status %d, want 200", path, a.status)
				}
				for field, value := range want {
					if got := a.fields[field]; !reflect.DeepEqual(got, value) {
						t.Errorf("%s: %s: got %v, want %v", path, field, got, value)
					}
				}
			}
			if got, want := r.Requests(Discovery), len(tc.paths); got != want {
				t.Errorf("Requests(Discovery): got %d, want %d", got, want)
			}
		})
	}
}

func TestMetadataSaysWhatIsOffered(t *testing.T) {
	const issuer = "http://127.0.0.1/t"
	for _, tc := range []struct {
		name string
		cfg  Config
		want map[string]any
	}{
		{"nothing", Config{}, map[string]any{
			"device_authorization_endpoint": nil, "pushed_authorization_request_endpoint": nil, "registration_endpoint": nil,
			"require_pushed_authorization_requests": nil, "response_modes_supported": []any{"query", "form_post"},
			"token_endpoint_auth_methods_supported": []any{},
		}},
		{"device", Config{Device: true}, map[string]any{
			"device_authorization_endpoint": issuer + "/device_authorization",
			"grant_types_supported":         []any{"authorization_code", "refresh_token", deviceGrantType},
		}},
		{"PAR", Config{PAR: true}, map[string]any{
			"pushed_authorization_request_endpoint": issuer + "/par", "require_pushed_authorization_requests": nil,
		}},
		{"PAR required", Config{RequirePAR: true}, map[string]any{
			"pushed_authorization_request_endpoint": issuer + "/par", "require_pushed_authorization_requests": true,
		}},
		{"registration", Config{Registration: true, Clients: []Client{{ID: "post", Secret: "s", AuthMethod: AuthPost}}}, map[string]any{
			"registration_endpoint": issuer + "/register", "token_endpoint_auth_methods_supported": []any{AuthNone, AuthPost},
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.cfg.Issuer = "/t"
			a := get(t, startPipe(t, tc.cfg), issuer+"/.well-known/openid-configuration")
			for field, want := range tc.want {
				if got := a.fields[field]; !reflect.DeepEqual(got, want) {
					t.Errorf("%s: got %v, want %v", field, got, want)
				}
			}
		})
	}
}

func TestRotateKey(t *testing.T) {
	r := startPipe(t, testConfig())
	before := get(t, r, r.Issuer()+"/jwks").body
	r.RotateKey()
	if after := get(t, r, r.Issuer()+"/jwks").body; after == before || after == "" {
		t.Error("the key set is as it was")
	}
}

// TestIDToken has an independent library check the discovery document, the key set and the signature.
func TestIDToken(t *testing.T) {
	r, err := Listen(testConfig())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	ctx := oidc.ClientContext(context.Background(), r.Client())
	provider, err := oidc.NewProvider(ctx, r.Issuer())
	if err != nil {
		t.Fatal(err)
	}
	verifier := provider.Verifier(&oidc.Config{ClientID: "app"})
	check := func(name, text, nonce string) {
		t.Helper()
		token, err := verifier.Verify(ctx, text)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var claims struct{ Email string }
		if err := token.Claims(&claims); err != nil {
			t.Fatal(err)
		}
		if token.Subject != "ada" || token.Nonce != nonce || claims.Email != "ada@example.com" {
			t.Errorf("%s: got sub %q nonce %q email %q, want ada, %q, ada@example.com", name, token.Subject, token.Nonce,
				claims.Email, nonce)
		}
	}
	first := login(t, r)
	check("login", first.text("id_token"), "n-1")
	check("refresh", post(t, r, "/token", refreshForm(first.text("refresh_token"))).text("id_token"), "")

	for _, tc := range []struct {
		name, claim string
		value       any
	}{
		{"issuer", "iss", "https://evil.example.com"},
		{"audience", "aud", "other"},
		{"expiry", "exp", 1},
	} {
		t.Run("wrong "+tc.name, func(t *testing.T) {
			r.Script(Token, r.SetClaim(tc.claim, tc.value))
			text := login(t, r).text("id_token")
			if _, err := verifier.Verify(ctx, text); err == nil || text == "" {
				t.Errorf("got error %v for a token of length %d, want an error", err, len(text))
			}
		})
	}
	t.Run("wrong nonce", func(t *testing.T) {
		r.Script(Token, r.SetClaim("nonce", "n-2"))
		check("changed", login(t, r).text("id_token"), "n-2")
		r.Script(Token, r.SetClaim("nonce", nil))
		check("removed", login(t, r).text("id_token"), "")
	})
	if a := login(t, r, "scope", "calendar.read"); a.text("id_token") != "" {
		t.Error("got an ID token without the scope openid")
	}
}
