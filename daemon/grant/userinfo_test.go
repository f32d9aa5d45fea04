package grant

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"oauthd/daemon/account"
	"oauthd/daemon/provider"
)

func TestUserinfo(t *testing.T) {
	github, _ := provider.Lookup("github")
	corp := provider.Provider{Row: provider.Row{Issuer: "https://login.example.com"}}
	for _, tc := range []struct {
		name   string
		p      provider.Provider
		status int
		body   string
		want   Identity
		kind   Kind
	}{
		{"oidc", corp, 200, `{"sub":"u-1","email":"ada@example.com"}`, Identity{"https://login.example.com", "u-1", "ada@example.com"}, ""},
		{"github", github, 200, `{"id":583231,"email":null,"login":"ada"}`, Identity{"", "583231", ""}, ""},
		{"large number", github, 200, `{"id":12345678901234567890}`, Identity{"", "12345678901234567890", ""}, ""},
		{"least number", github, 200, `{"id":0}`, Identity{"", "0", ""}, ""},
		{"number that begins with a nine", github, 200, `{"id":9}`, Identity{"", "9", ""}, ""},
		{"exponent", github, 200, `{"id":1e3}`, Identity{}, Unknown},
		{"longest subject", corp, 200, `{"sub":"` + strings.Repeat("u", 255) + `"}`, Identity{"https://login.example.com", strings.Repeat("u", 255), ""}, ""},
		{"subject too long", corp, 200, `{"sub":"` + strings.Repeat("u", 256) + `"}`, Identity{}, Unknown},
		{"no subject", corp, 200, `{"email":"ada@example.com"}`, Identity{}, Unknown},
		{"fraction", github, 200, `{"id":1.5}`, Identity{}, Unknown},
		{"control characters", corp, 200, `{"sub":"u\u001b1"}`, Identity{}, Unknown},
		{"email for a terminal", corp, 200, `{"sub":"u-1","email":"\u001b[2Ja@example.com"}`, Identity{"https://login.example.com", "u-1", ""}, ""},
		{"refused", corp, 401, `{"error":"invalid_token"}`, Identity{}, Unknown},
		{"trouble", corp, 503, ``, Identity{}, Transient},
		{"HTML", corp, 200, `<html>`, Identity{}, Unknown},
		{"cut off", corp, 200, `{"sub":"u-1"`, Identity{}, Unknown},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var bearer bool
			endpoint := serve(t, func(w http.ResponseWriter, r *http.Request) {
				bearer = r.Method == http.MethodGet && r.Header.Get("Authorization") == "Bearer at-1" && r.URL.RawQuery == ""
				say(tc.status, "application/json", tc.body)(w, r)
			})
			var c Client
			got, err := c.Userinfo(t.Context(), endpoint, account.Token{Access: account.NewSecret("at-1")}, tc.p)
			if got != tc.want {
				t.Errorf("got %+v, want %+v", got, tc.want)
			}
			if !bearer {
				t.Error("the access token did not come as a Bearer header of a GET")
			}
			if tc.kind == "" && err != nil {
				t.Errorf("got %v, want nil", err)
			}
			if tc.kind != "" {
				if pe := asProviderError(t, err); pe.Kind != tc.kind {
					t.Errorf("kind: got %s, want %s", pe.Kind, tc.kind)
				}
			}
		})
	}
}

func jwt(header, claims string) account.Secret {
	enc := base64.RawURLEncoding.EncodeToString
	return account.NewSecret(enc([]byte(header)) + "." + enc([]byte(claims)) + ".c2ln")
}

func TestParseIDToken(t *testing.T) {
	const tenant, other = "9188040d-6c67-4c5b-b112-36a304b66dad", "00000000-0000-0000-0000-000000000000"
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	exp := now.Add(time.Hour)
	corp := provider.Provider{Row: provider.Row{Issuer: "https://login.example.com"}}
	google, _ := provider.Lookup("google")
	microsoft, _ := provider.Lookup("microsoft")
	for _, tc := range []struct {
		name   string
		p      provider.Provider
		nonce  string
		claims map[string]any // laid over good ones; nil removes
		ok     bool
	}{
		{"good", corp, "n-1", nil, true},
		{"no nonce asked for", corp, "", map[string]any{"nonce": nil}, true},
		{"other nonce", corp, "n-2", nil, false},
		{"nonce missing", corp, "n-1", map[string]any{"nonce": nil}, false},
		{"other issuer", corp, "n-1", map[string]any{"iss": "https://evil.example.com"}, false},
		{"issuer with a slash", corp, "n-1", map[string]any{"iss": "https://login.example.com/"}, false},
		{"no issuer", corp, "n-1", map[string]any{"iss": nil}, false},
		{"provider without issuer", provider.Provider{}, "n-1", nil, true},
		{"provider without issuer, token without one", provider.Provider{}, "n-1", map[string]any{"iss": nil}, false},
		{"longest issuer", provider.Provider{}, "n-1", map[string]any{"iss": strings.Repeat("i", 2048)}, true},
		{"issuer too long", provider.Provider{}, "n-1", map[string]any{"iss": strings.Repeat("i", 2049)}, false},
		{"issuer for a terminal", provider.Provider{}, "n-1", map[string]any{"iss": "\u001b[2J"}, false},
		{"audiences not all strings", corp, "n-1", map[string]any{"aud": []any{"desk", 7}, "azp": "desk"}, false},
		{"google", google, "n-1", map[string]any{"iss": "https://accounts.google.com"}, true},
		{"google without scheme", google, "n-1", map[string]any{"iss": "accounts.google.com"}, true},
		{"microsoft", microsoft, "n-1", map[string]any{"iss": "https://login.microsoftonline.com/" + tenant + "/v2.0", "tid": tenant}, true},
		{"microsoft, other tenant", microsoft, "n-1", map[string]any{"iss": "https://login.microsoftonline.com/" + tenant + "/v2.0", "tid": other}, false},
		{"microsoft, no tenant", microsoft, "n-1", map[string]any{"iss": "https://login.microsoftonline.com/" + tenant + "/v2.0"}, false},
		{"microsoft, the template itself", microsoft, "n-1", map[string]any{"iss": "https://login.microsoftonline.com/{tenantid}/v2.0", "tid": "{tenantid}"}, false},
		{"audience list", corp, "n-1", map[string]any{"aud": []string{"desk"}}, true},
		{"more audiences, azp", corp, "n-1", map[string]any{"aud": []string{"x", "desk"}, "azp": "desk"}, true},
		{"more audiences, no azp", corp, "n-1", map[string]any{"aud": []string{"x", "desk"}}, false},
		{"other audience", corp, "n-1", map[string]any{"aud": "x"}, false},
		{"empty audience", corp, "n-1", map[string]any{"aud": []string{}}, false},
		{"other azp", corp, "n-1", map[string]any{"azp": "x"}, false},
		{"expired", corp, "n-1", map[string]any{"exp": now.Add(-5 * time.Minute).Unix()}, false},
		{"just expired", corp, "n-1", map[string]any{"exp": now.Add(-5*time.Minute + time.Second).Unix()}, true},
		{"no expiry", corp, "n-1", map[string]any{"exp": nil}, false},
		{"expiry a text", corp, "n-1", map[string]any{"exp": "tomorrow"}, false},
		{"expiry absurd", corp, "n-1", map[string]any{"exp": 1e300}, false},
		{"no subject", corp, "n-1", map[string]any{"sub": nil}, false},
		{"subject a number", corp, "n-1", map[string]any{"sub": 7}, false},
		{"subject too long", corp, "n-1", map[string]any{"sub": strings.Repeat("x", 256)}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			claims := map[string]any{
				"iss": "https://login.example.com", "aud": "desk", "sub": "u-1", "exp": exp.Unix(), "nonce": "n-1",
				"email": "ada@example.com",
			}
			maps.Copy(claims, tc.claims)
			maps.DeleteFunc(claims, func(_ string, v any) bool { return v == nil })
			text, err := json.Marshal(claims)
			if err != nil {
				t.Fatal(err)
			}
			id, expiry, err := ParseIDToken(jwt(`{"alg":"RS256"}`, string(text)),
				Expect{Provider: tc.p, ClientID: "desk", Nonce: tc.nonce, Now: now})
			if (err == nil) != tc.ok || err != nil && !errors.Is(err, ErrIDToken) {
				t.Fatalf("got %v, want ok=%v", err, tc.ok)
			}
			if !tc.ok {
				if id != (Identity{}) {
					t.Errorf("a refused token has an identity: %+v", id)
				}
				return
			}
			if want := (Identity{claims["iss"].(string), "u-1", "ada@example.com"}); id != want {
				t.Errorf("got %+v, want %+v", id, want)
			}
			if expiry.Unix() != claims["exp"] {
				t.Errorf("expiry: got %v, want %v", expiry, claims["exp"])
			}
		})
	}
}

// An account without a client has no token made for it.
func TestIDTokenForNoClient(t *testing.T) {
	raw := jwt(`{"alg":"RS256"}`, `{"iss":"https://login.example.com","aud":[""],"sub":"u-1","exp":1795348800}`)
	if _, _, err := ParseIDToken(raw, Expect{Now: time.Unix(1795340000, 0)}); !errors.Is(err, ErrIDToken) {
		t.Errorf("got %v, want ErrIDToken", err)
	}
}

func TestClaims(t *testing.T) {
	if claims, err := Claims(jwt(`{"alg":"none"}`, `{"exp":7}`)); err != nil || claims.Instant("exp").Unix() != 7 {
		t.Errorf("got %v, %v; want exp", claims, err)
	}
	for _, header := range []string{`{}`, `{"alg":""}`, `{"alg":7}`, `[]`} {
		if claims, err := Claims(jwt(header, `{"exp":7}`)); err == nil || claims != nil || !ClaimedExpiry(jwt(header, `{"exp":7}`)).IsZero() {
			t.Errorf("header %s: got %v, want an error", header, claims)
		}
	}
}

func TestIDTokenShape(t *testing.T) {
	good := jwt(`{"alg":"RS256"}`, `{"exp":1}`).Reveal()
	for name, raw := range map[string]string{
		"unset": "", "one part": "abc", "two parts": "a.b", "encrypted": "a.b.c.d.e", "padded": strings.Replace(good, ".", "=.", 1),
		"no alg": jwt(`{}`, `{}`).Reveal(), "claims an array": jwt(`{"alg":"x"}`, `[]`).Reveal(), "claims null": jwt(`{"alg":"x"}`, `null`).Reveal(),
	} {
		t.Run(name, func(t *testing.T) {
			if _, _, err := ParseIDToken(account.NewSecret(raw), Expect{ClientID: "desk"}); !errors.Is(err, ErrIDToken) {
				t.Errorf("got %v, want ErrIDToken", err)
			}
		})
	}
}

func TestResponseHoldsTheIDTokensExpiry(t *testing.T) {
	raw := jwt(`{"alg":"RS256"}`, `{"exp":1795348800}`)
	resp, fail := answerOf(200, "application/json", `{"access_token":"a","id_token":"`+raw.Reveal()+`"}`).Token(Dialect{})
	if fail != nil {
		t.Fatal(fail)
	}
	if got := resp.Token.IDTokenExpiry.Unix(); got != 1795348800 || !resp.IDToken.Equal(raw) || !resp.Token.IDToken.Equal(raw) {
		t.Errorf("expiry: got %d, want 1795348800, and the token in both places", got)
	}
}

func FuzzParseIDToken(f *testing.F) {
	f.Add(jwt(`{"alg":"RS256"}`, `{"iss":"https://login.example.com","aud":["desk"],"sub":"u","exp":1795348800,"nonce":"n"}`).Reveal())
	f.Add(jwt(`{"alg":"none"}`, `{"exp":-1e308,"aud":{}}`).Reveal())
	f.Add("a.b.c")
	f.Add("....")
	x := Expect{
		Provider: provider.Provider{Row: provider.Row{Issuer: "https://login.example.com"}}, ClientID: "desk", Nonce: "n", Now: time.Unix(1795340000, 0),
	}
	f.Fuzz(func(t *testing.T, raw string) {
		id, expiry, err := ParseIDToken(account.NewSecret(raw), x)
		if err == nil && (id.Issuer != x.Provider.Issuer || id.Subject == "" || !expiry.Add(clockSkew).After(x.Now)) {
			t.Errorf("accepted %+v, %v", id, expiry)
		}
		if err != nil && (id != Identity{} || !expiry.IsZero()) {
			t.Errorf("refused with %+v, %v", id, expiry)
		}
	})
}
