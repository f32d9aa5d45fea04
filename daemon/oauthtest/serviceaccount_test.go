package oauthtest

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"net/url"
	"reflect"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/jwt"
)

const (
	testAccount = "robot@project.example.com"
	scopeRead   = "https://api.example.com/auth/calendar.readonly"
	scopeMail   = "https://api.example.com/auth/mail"
)

// accountConfig has the service account testAccount, and its signer.
func accountConfig(t *testing.T, now *clock) (Config, signer) {
	s := signer{newTestRSA(t, 2048), jose.RS256, "key-1"}
	return Config{
		Now: now.now,
		ServiceAccounts: []ServiceAccount{
			{Email: "plain@project.example.com", Keys: []Key{newSigner(t, "").key()}},
			{Email: testAccount, Keys: []Key{s.key()}, Scopes: []string{scopeRead, scopeMail}, Subjects: []string{"ada@example.com"}},
		},
	}, s
}

func accountClaims(r *Running, now *clock, changes ...any) map[string]any {
	return changed(map[string]any{
		"iss": testAccount, "scope": scopeRead, "aud": r.Issuer() + "/token",
		"iat": now.at.Unix(), "exp": now.at.Add(time.Hour).Unix(),
	}, changes...)
}

func accountForm(text string, changes ...string) url.Values {
	return change(url.Values{"grant_type": {jwtBearerGrantType}, "assertion": {text}}, changes...)
}

func TestServiceAccount(t *testing.T) {
	now := newClock()
	cfg, s := accountConfig(t, now)
	r := startPipe(t, cfg)
	for _, tc := range []struct {
		name           string
		claims         []any
		subject, scope string // as the protected resource sees them
	}{
		{"itself", nil, testAccount, scopeRead},
		{"two scopes", []any{"scope", scopeRead + " " + scopeMail}, testAccount, scopeRead + " " + scopeMail},
		{"for a person", []any{"sub", "ada@example.com"}, "ada@example.com", scopeRead},
		{"issued a little ago", []any{"iat", now.at.Add(-10 * time.Second).Unix(), "exp", now.at.Add(59 * time.Minute).Unix()},
			testAccount, scopeRead},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a := post(t, r, "/token", accountForm(s.sign(t, accountClaims(r, now, tc.claims...))))
			if a.status != http.StatusOK || a.fields["expires_in"] != 3600.0 || a.text("token_type") != "Bearer" || len(a.fields) != 3 {
				t.Fatalf("got %d %q, %d fields, want 200 and 3 fields", a.status, a.text("error_description"), len(a.fields))
			}
			hello := get(t, r, r.Issuer()+"/api/hello", "Authorization", "Bearer "+a.text("access_token"))
			if hello.text("subject") != tc.subject || hello.text("scope") != tc.scope || hello.text("client_id") != testAccount {
				t.Errorf("got subject %q, scope %q, client %q, want %q, %q, %q", hello.text("subject"), hello.text("scope"),
					hello.text("client_id"), tc.subject, tc.scope, testAccount)
			}
		})
	}
	m := get(t, r, r.Issuer()+"/.well-known/oauth-authorization-server")
	want := []any{"authorization_code", "refresh_token", jwtBearerGrantType}
	if got := m.fields["grant_types_supported"]; !reflect.DeepEqual(got, want) {
		t.Errorf("grant_types_supported: got %v, want %v", got, want)
	}
}

func TestServiceAccountRefuses(t *testing.T) {
	now := newClock()
	cfg, s := accountConfig(t, now)
	r := startPipe(t, cfg)
	at := func(d time.Duration) int64 { return now.at.Add(d).Unix() }
	const (
		when = "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. " +
			"Check your iat and exp values in the JWT claim."
		whose = "Client is unauthorized to retrieve access tokens using this method, " +
			"or client not authorized for any of the scopes requested."
		beside = "an assertion needs no client, and no secret belongs beside it"
		scope  = "Invalid OAuth scope or ID token audience provided."
		whom   = "Invalid JWT: Failed audience check."
	)
	for _, tc := range []struct {
		name   string
		claims []any
		form   []string
		basic  []string
		status int
		code   string
		want   string
	}{
		{"no assertion", nil, []string{"assertion", "-"}, nil, 400, "invalid_grant", "Bad Request"},
		{"no JWT", nil, []string{"assertion", "x"}, nil, 400, "invalid_grant", "Bad Request"},
		{"unknown account", []any{"iss", "x"}, nil, nil, 400, "invalid_grant", "Invalid grant: account not found"},
		{"key of another account", []any{"iss", "plain@project.example.com"}, nil, nil, 400, "invalid_grant", "Invalid JWT Signature."},
		{"issuer as audience", []any{"aud", r.Issuer()}, nil, nil, 400, "invalid_grant", whom},
		{"no audience", []any{"aud", nil}, nil, nil, 400, "invalid_grant", whom},
		{"no iat", []any{"iat", nil}, nil, nil, 400, "invalid_grant", when},
		{"no exp", []any{"exp", nil}, nil, nil, 400, "invalid_grant", when},
		{"expired", []any{"iat", at(-time.Hour), "exp", at(0)}, nil, nil, 400, "invalid_grant", when},
		{"issued ahead", []any{"iat", at(time.Minute)}, nil, nil, 400, "invalid_grant", when},
		{"ends too late", []any{"exp", at(time.Hour + time.Second)}, nil, nil, 400, "invalid_grant", when},
		{"lives too long", []any{"iat", at(-time.Second)}, nil, nil, 400, "invalid_grant", when},
		{"subject not allowed", []any{"sub", "eve@example.com"}, nil, nil, 401, "unauthorized_client", whose},
		{"subject not allowed, ID token", []any{"sub", "eve@example.com", "target_audience", "x"}, nil, nil, 401, "unauthorized_client", whose},
		{"no scope", []any{"scope", nil}, nil, nil, 400, "invalid_scope", "Empty or missing scope not allowed."},
		{"scope not allowed", []any{"scope", scopeRead + " openid"}, nil, nil, 400, "invalid_scope", scope},
		{"scope not well formed", []any{"scope", " "}, nil, nil, 400, "invalid_scope", scope},
		{"secret beside it", nil, []string{"client_secret", "x"}, nil, 401, "invalid_client", beside},
		{"client assertion beside it", nil, []string{"client_assertion", "x"}, nil, 401, "invalid_client", beside},
		{"Basic beside it", nil, nil, []string{"x", "y"}, 401, "invalid_client", beside},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a := post(t, r, "/token", accountForm(s.sign(t, accountClaims(r, now, tc.claims...)), tc.form...), tc.basic...)
			wantError(t, a, tc.status, tc.code)
			if got := a.text("error_description"); got != tc.want {
				t.Errorf("error_description: got %q, want %q", got, tc.want)
			}
		})
	}
	t.Run("not offered", func(t *testing.T) {
		a := post(t, startPipe(t, testConfig()), "/token", accountForm("x", "client_id", "app"))
		wantError(t, a, 400, "unsupported_grant_type")
	})
	t.Run("query", func(t *testing.T) {
		req := postRequest(t, r, "/token", accountForm(s.sign(t, accountClaims(r, now))).Encode())
		req.URL.RawQuery = "x=1"
		wantError(t, do(t, r, req), 400, "invalid_request")
	})
}

func TestServiceAccountScopesOfTheServer(t *testing.T) {
	now := newClock()
	cfg, s := accountConfig(t, now)
	cfg.ServiceAccounts[1].Scopes = nil
	r := startPipe(t, cfg)
	for scope, want := range map[string]int{"calendar.read": 200, scopeRead: 400} {
		a := post(t, r, "/token", accountForm(s.sign(t, accountClaims(r, now, "scope", scope))))
		if a.status != want {
			t.Errorf("%s: got status %d, want %d", scope, a.status, want)
		}
	}
}

func TestServiceAccountIDToken(t *testing.T) {
	now := newClock()
	cfg, s := accountConfig(t, now)
	r := startPipe(t, cfg)
	const audience = "https://service.example.com/run"
	a := post(t, r, "/token", accountForm(s.sign(t, accountClaims(r, now, "scope", nil, "target_audience", audience))))
	if a.status != http.StatusOK || len(a.fields) != 1 {
		t.Fatalf("got %d %q, %d fields, want 200 and id_token alone", a.status, a.text("error_description"), len(a.fields))
	}
	ctx := oidc.ClientContext(context.Background(), r.Client())
	keys := oidc.NewRemoteKeySet(ctx, r.Issuer()+"/jwks")
	verifier := oidc.NewVerifier(r.Issuer(), keys, &oidc.Config{
		ClientID: audience, Now: now.now, SupportedSigningAlgs: []string{oidc.ES256},
	})
	token, err := verifier.Verify(ctx, a.text("id_token"))
	if err != nil {
		t.Fatalf("verify: %v", err)
	}
	var claims struct {
		Email    string `json:"email"`
		Verified bool   `json:"email_verified"`
	}
	if err := token.Claims(&claims); err != nil {
		t.Fatal(err)
	}
	if claims.Email != testAccount || !claims.Verified || !token.Expiry.Equal(now.at.Add(time.Hour)) {
		t.Errorf("got email %q, verified %t, expiry %v, want %q, true, %v", claims.Email, claims.Verified, token.Expiry,
			testAccount, now.at.Add(time.Hour))
	}
}

// A client of another house gets its tokens too.
func TestServiceAccountOfAnotherClient(t *testing.T) {
	cfg, s := accountConfig(t, newClock())
	cfg.Now = time.Now
	r := startPipe(t, cfg)
	der, err := x509.MarshalPKCS8PrivateKey(s.private)
	if err != nil {
		t.Fatal(err)
	}
	client := jwt.Config{
		Email: testAccount, PrivateKeyID: "key-1", Subject: "ada@example.com", Scopes: []string{scopeRead, scopeMail},
		PrivateKey: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), TokenURL: r.Issuer() + "/token",
	}
	ctx := context.WithValue(t.Context(), oauth2.HTTPClient, r.Client())
	token, err := client.TokenSource(ctx).Token()
	if err != nil {
		t.Fatal(err)
	}
	hello := get(t, r, r.Issuer()+"/api/hello", "Authorization", "Bearer "+token.AccessToken)
	if got, want := hello.text("subject"), "ada@example.com"; got != want {
		t.Errorf("subject: got %q, want %q", got, want)
	}
	client.PrivateClaims, client.UseIDToken = map[string]any{"target_audience": "https://service.example.com"}, true
	if token, err = client.TokenSource(ctx).Token(); err != nil || len(token.AccessToken) == 0 {
		t.Errorf("ID token: got none, error %v", err)
	}
}
