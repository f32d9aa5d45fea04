package oauthtest

import (
	"net/http"
	"net/url"
	"reflect"
	"testing"
	"time"
)

// keyConfig has the client "robot", which authenticates by key, and its signer.
func keyConfig(t *testing.T, now *clock) (Config, signer) {
	s := newSigner(t, "k1")
	return Config{
		Now: now.now,
		Clients: []Client{
			{ID: "robot", Name: "Build robot", Keys: []Key{s.key()}, GrantTypes: []string{"client_credentials"}},
			{ID: "app"},
			{ID: "secretive", Secret: "x", Keys: []Key{s.key()}, AuthMethod: AuthPost},
		},
	}, s
}

// robotClaims is a right client assertion, with changes as for changed.
func robotClaims(r *Running, now *clock, changes ...any) map[string]any {
	return changed(map[string]any{
		"iss": "robot", "sub": "robot", "aud": r.Issuer() + "/token", "jti": newSecret("ji-"),
		"iat": now.at.Unix(), "exp": now.at.Add(5 * time.Minute).Unix(),
	}, changes...)
}

func robotForm(text string, changes ...string) url.Values {
	return change(url.Values{
		"grant_type": {"client_credentials"}, "scope": {"calendar.read"},
		"client_assertion_type": {clientAssertionType}, "client_assertion": {text},
	}, changes...)
}

func TestPrivateKeyJWT(t *testing.T) {
	now := newClock()
	cfg, s := keyConfig(t, now)
	r := startPipe(t, cfg)
	soon := func(d time.Duration) int64 { return now.at.Add(d).Unix() }
	const (
		who    = "iss, sub and client_id are not one client that signs assertions"
		whom   = "aud is neither the token endpoint nor the issuer"
		when   = "exp is missing, past or more than an hour ahead, or iat or nbf is ahead"
		failed = "client authentication failed"
	)
	for _, tc := range []struct {
		name   string
		claims []any
		form   []string
		basic  []string
		want   string // the description of the refusal, "" for none
	}{
		{"right", nil, nil, nil, ""},
		{"with its client_id", nil, []string{"client_id", "robot"}, nil, ""},
		{"issuer as audience", []any{"aud", r.Issuer()}, nil, nil, ""},
		{"both as audience", []any{"aud", []string{r.Issuer(), r.Issuer() + "/token"}}, nil, nil, ""},
		{"an hour", []any{"exp", soon(time.Hour)}, nil, nil, ""},
		{"no iat", []any{"iat", nil}, nil, nil, ""},
		{"other client_id", nil, []string{"client_id", "app"}, nil, who},
		{"other subject", []any{"sub", "app"}, nil, nil, who},
		{"no subject", []any{"sub", nil}, nil, nil, who},
		{"unknown client", []any{"iss", "nobody", "sub", "nobody"}, nil, nil, who},
		{"public client", []any{"iss", "app", "sub", "app"}, nil, nil, who},
		{"client of another method", []any{"iss", "secretive", "sub", "secretive"}, nil, nil, who},
		{"no audience", []any{"aud", nil}, nil, nil, whom},
		{"other audience", []any{"aud", "https://other.example.com"}, nil, nil, whom},
		{"other audience too", []any{"aud", []string{r.Issuer(), "https://other.example.com"}}, nil, nil, whom},
		{"revocation endpoint as audience", []any{"aud", r.Issuer() + "/revoke"}, nil, nil, whom},
		{"no exp", []any{"exp", nil}, nil, nil, when},
		{"expired", []any{"exp", soon(0)}, nil, nil, when},
		{"more than an hour", []any{"exp", soon(time.Hour + time.Second)}, nil, nil, when},
		{"issued ahead", []any{"iat", soon(time.Second)}, nil, nil, when},
		{"not yet valid", []any{"nbf", soon(time.Second)}, nil, nil, when},
		{"no jti", []any{"jti", nil}, nil, nil, "jti is missing"},
		{"other type", nil, []string{"client_assertion_type", "jwt"}, nil, "client_assertion_type is not that of a JWT"},
		{"no type", nil, []string{"client_assertion_type", "-"}, nil, "client_assertion_type is not that of a JWT"},
		{"no JWT", nil, []string{"client_assertion", "x"}, nil, errMalformed.Error()},
		{"no assertion", nil, []string{"client_assertion", "-", "client_id", "robot"}, nil, failed},
		{"secret beside it", nil, []string{"client_secret", "x"}, nil, failed},
		{"Basic beside it", nil, nil, []string{"robot", ""}, failed},
	} {
		t.Run(tc.name, func(t *testing.T) {
			text := s.sign(t, robotClaims(r, now, tc.claims...))
			a := post(t, r, "/token", robotForm(text, tc.form...), tc.basic...)
			if tc.want == "" {
				if a.status != http.StatusOK {
					t.Errorf("got %d %q, want 200", a.status, a.text("error_description"))
				}
				return
			}
			wantError(t, a, 401, "invalid_client")
			if got := a.text("error_description"); got != tc.want {
				t.Errorf("error_description: got %q, want %q", got, tc.want)
			}
		})
	}
	t.Run("other key", func(t *testing.T) {
		a := post(t, r, "/token", robotForm(newSigner(t, "k1").sign(t, robotClaims(r, now))))
		wantError(t, a, 401, "invalid_client")
		if got := a.text("error_description"); got != errSignature.Error() {
			t.Errorf("error_description: got %q, want %q", got, errSignature)
		}
	})
}

func TestAssertionIsTakenOnce(t *testing.T) {
	now := newClock()
	cfg, s := keyConfig(t, now)
	other := newSigner(t, "")
	cfg.Clients = append(cfg.Clients, Client{ID: "twin", Keys: []Key{other.key()}, GrantTypes: cfg.Clients[0].GrantTypes})
	r := startPipe(t, cfg)
	send := func(text string) answer { t.Helper(); return post(t, r, "/token", robotForm(text)) }

	text := s.sign(t, robotClaims(r, now, "jti", "one"))
	if a := send(text); a.status != http.StatusOK {
		t.Fatalf("first: got %d %q, want 200", a.status, a.text("error_description"))
	}
	for name, again := range map[string]string{
		"the same": text, "the same jti": s.sign(t, robotClaims(r, now, "jti", "one", "iat", nil)),
	} {
		a := send(again)
		wantError(t, a, 401, "invalid_client")
		if got, want := a.text("error_description"), "jti was used before"; got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	if a := send(other.sign(t, robotClaims(r, now, "iss", "twin", "sub", "twin", "jti", "one"))); a.status != http.StatusOK {
		t.Errorf("the jti of another client: got %d %q, want 200", a.status, a.text("error_description"))
	}
	now.advance(5 * time.Minute)
	if a := send(s.sign(t, robotClaims(r, now, "jti", "one"))); a.status != http.StatusOK {
		t.Errorf("the jti of an expired assertion: got %d %q, want 200", a.status, a.text("error_description"))
	}
	if got := len(r.assertions); got != 1 {
		t.Errorf("kept assertions: got %d, want 1", got)
	}

	// A refused assertion is not spent.
	text = s.sign(t, robotClaims(r, now, "iat", now.at.Add(time.Second).Unix()))
	wantError(t, send(text), 401, "invalid_client")
	now.advance(time.Second)
	if a := send(text); a.status != http.StatusOK {
		t.Errorf("after a refusal: got %d %q, want 200", a.status, a.text("error_description"))
	}
}

func TestPrivateKeyJWTElsewhere(t *testing.T) {
	now := newClock()
	cfg, s := keyConfig(t, now)
	cfg.PAR = true
	cfg.Clients[0].GrantTypes = nil
	cfg.Clients[0].RedirectURIs = []string{"http://127.0.0.1/callback"}
	cfg.AutoApprove = true
	r := startPipe(t, cfg)
	key := func() []string {
		return []string{
			"client_assertion_type", clientAssertionType, "client_assertion", s.sign(t, robotClaims(r, now)), "client_id", "robot",
		}
	}
	pushed := post(t, r, "/par", parameters(key()...))
	if pushed.status != http.StatusCreated {
		t.Fatalf("par: got %d %q, want 201", pushed.status, pushed.text("error_description"))
	}
	for _, p := range r.pushed {
		if p.parameters.Has("client_assertion") || p.parameters.Has("client_assertion_type") {
			t.Error("the pushed request has kept its assertion")
		}
	}
	code := authorize(t, r, url.Values{"client_id": {"robot"}, "request_uri": {pushed.text("request_uri")}}).Get("code")
	a := post(t, r, "/token", exchangeForm(code, key()...))
	if a.status != http.StatusOK {
		t.Fatalf("exchange: got %d %q, want 200", a.status, a.text("error_description"))
	}
	if a = post(t, r, "/token", refreshForm(a.text("refresh_token"), key()...)); a.status != http.StatusOK {
		t.Errorf("refresh: got %d %q, want 200", a.status, a.text("error_description"))
	}
	end := change(url.Values{"token": {a.text("refresh_token")}}, key()...)
	if got := post(t, r, "/revoke", end); got.status != http.StatusOK || r.Active(a.text("refresh_token")) {
		t.Errorf("revoke: got status %d, active %t, want 200, false", got.status, r.Active(a.text("refresh_token")))
	}

	m := get(t, r, r.Issuer()+"/.well-known/oauth-authorization-server")
	algorithms := []any{"RS256", "PS256", "ES256", "ES384", "EdDSA"}
	for field, want := range map[string]any{
		"token_endpoint_auth_methods_supported":                 []any{AuthNone, AuthPost, AuthPrivateKeyJWT},
		"token_endpoint_auth_signing_alg_values_supported":      algorithms,
		"revocation_endpoint_auth_signing_alg_values_supported": algorithms,
		"grant_types_supported":                                 []any{"authorization_code", "refresh_token"},
	} {
		if got := m.fields[field]; !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %v, want %v", field, got, want)
		}
	}
	plain := get(t, startPipe(t, testConfig()), "http://127.0.0.1/.well-known/oauth-authorization-server")
	if got := plain.fields["token_endpoint_auth_signing_alg_values_supported"]; got != nil {
		t.Errorf("algorithms without a client that signs: got %v, want none", got)
	}
}
