package daemon

import (
	"context"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"oauthd/daemon/account"
	"oauthd/daemon/config"
	"oauthd/daemon/provider"
	"oauthd/ipc/api"
	"oauthd/keystore"

	"github.com/rs/zerolog"
)

// TestFixedPort refuses, before a browser opens, what the provider would refuse in it.
func TestFixedPort(t *testing.T) {
	row := provider.Row{
		Authorization: "https://login.example.com/authorize", Token: "https://login.example.com/token",
		RedirectHost: "localhost", RedirectPath: "/back", RedirectPort: "fixed",
	}
	d := New(Config{Dir: t.TempDir(), Store: &keystore.Memory{}, Log: zerolog.Nop(), Config: &config.Config{
		Accounts:  map[string]*account.Account{},
		Providers: map[string]provider.Provider{"corp": row.Provider("corp")},
	}})
	for _, tt := range []struct {
		name    string
		account account.Account
		ok      bool
	}{
		{"nothing", account.Account{}, false},
		{"redirect URI without port", account.Account{RedirectURI: "http://localhost/back"}, false},
		{"redirect URI with port", account.Account{RedirectURI: "http://localhost:8400/back"}, true},
		{"ports", account.Account{RedirectPorts: []int{8400, 8401}}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := checkRedirect(tt.account, row.Provider("corp"))
			if tt.ok && err != nil || !tt.ok && (err == nil || api.AsError(err).Code != api.BadRequest) {
				t.Errorf("got %v, want ok=%t", err, tt.ok)
			}
		})
	}
	if err := checkRedirect(account.Account{}, provider.Provider{}); err != nil {
		t.Errorf("a provider that takes any port: got %v", err)
	}
	a := &attempt{d: d, login: &login{id: "1"}, account: account.Account{Name: "work"}, provider: row.Provider("corp")}
	_, err := a.viaRedirect(t.Context(), func(e api.LoginEvent) { t.Errorf("got event %q, want none", e.Event) })
	if e := api.AsError(err); err == nil || e.Code != api.BadRequest ||
		!strings.Contains(e.Hint, "register http://localhost:8400/back at corp") ||
		!strings.Contains(e.Hint, "--redirect-uri http://localhost:8400/back") {
		t.Errorf("got %v, hint %q; want the redirect URI to register", err, api.AsError(err).Hint)
	}
}

// TestLogoutInAnotherWay ends a grant where it takes an access token to do so.
func TestLogoutInAnotherWay(t *testing.T) {
	credential := account.Credential{
		TokenEndpoint:      "https://api.dropboxapi.com/oauth2/token",
		RevocationEndpoint: "https://api.dropboxapi.com/2/auth/token/revoke",
		ClientID:           "app", AuthMethod: "none", RefreshToken: account.NewSecret("fake-refresh-token"),
	}
	for _, tt := range []struct {
		name   string
		change func(*account.Account, *account.Credential)
		answer int // of the token endpoint
		want   string
		done   bool
	}{
		{"a fresh access token", func(*account.Account, *account.Credential) {}, 200,
			"/oauth2/token, /2/auth/token/revoke Bearer fake-access-token", true},
		{"the kept access token", func(_ *account.Account, c *account.Credential) {
			c.RefreshToken, c.AccessToken = account.Secret{}, account.NewSecret("fake-kept-token")
		}, 200, "/2/auth/token/revoke Bearer fake-kept-token", true},
		{"a login that has ended", func(*account.Account, *account.Credential) {}, 400, "/oauth2/token", false},
		{"a provider that was another then", func(_ *account.Account, c *account.Credential) {
			c.RevocationEndpoint = "https://login.example.com/revoke"
		}, 200, "/revoke", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			transport := roundTrip(func(r *http.Request) (*http.Response, error) {
				got = append(got, strings.TrimSpace(r.URL.Path+" "+r.Header.Get("Authorization")))
				if strings.HasSuffix(r.URL.Path, "/oauth2/token") && tt.answer != 200 {
					return answerWith(tt.answer, `{"error":"invalid_grant"}`), nil
				}
				return answerWith(200, `{"access_token":"fake-access-token"}`), nil
			})
			d := New(Config{Dir: t.TempDir(), Store: &keystore.Memory{}, Log: zerolog.Nop(), Config: &config.Config{},
				HTTP: &http.Client{Transport: transport}})
			a, c := account.Account{Name: "work", Provider: "dropbox"}, credential
			tt.change(&a, &c)
			result := d.revoke(context.Background(), a, c)
			if result.Revoked != tt.done || !tt.done && result.Detail == "" {
				t.Errorf("got %+v, want revoked=%t", result, tt.done)
			}
			if got := strings.Join(got, ", "); got != tt.want {
				t.Errorf("requests: got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestProviders(t *testing.T) {
	dir := t.TempDir()
	cfg := &config.Config{Providers: map[string]provider.Provider{}}
	d := New(Config{Dir: dir, Store: &keystore.Memory{}, Log: zerolog.Nop(), Config: cfg})
	if err := os.WriteFile(config.MainFile(dir), []byte("[providers.corp]\nissuer = \"https://login.example.com\"\nidle_limit = \"12h\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	all, err := d.Providers(t.Context())
	if err != nil || len(all) != len(provider.Names())+1 {
		t.Fatalf("got %d providers, %v; want the table's and one more", len(all), err)
	}
	if !slices.IsSortedFunc(all, func(a, b api.Provider) int { return strings.Compare(a.Name, b.Name) }) {
		t.Error("they are not sorted")
	}
	corp, err := d.Provider(t.Context(), "corp")
	if err != nil || corp.BuiltIn || !corp.Discovered || corp.IdleLimit != 12*60*60 || corp.Issuer != "https://login.example.com" {
		t.Errorf("corp: got %+v, %v", corp, err)
	}
	slack, err := d.Provider(t.Context(), "slack")
	if err != nil || !slack.BuiltIn || slack.Discovered || slack.RedirectPort != api.RedirectPortFixed ||
		slack.RedirectURI != "http://localhost:8400/callback" || slack.RevocationForm != "bearer" || slack.ScopeParameter != "user_scope" {
		t.Errorf("slack: got %+v, %v", slack, err)
	}
	okta, err := d.Provider(t.Context(), "okta")
	if err != nil || okta.Issuer != "https://{tenant}" || okta.Tenant != "" || okta.TenantHint == "" || okta.RevocationForm != "" {
		t.Errorf("okta: got %+v, %v", okta, err)
	}
	for name, hint := range map[string]string{"gogle": "did you mean google?", "crop": "did you mean", "%00": "oauthd providers lists"} {
		_, err := d.Provider(t.Context(), name)
		if e := api.AsError(err); err == nil || e.Code != api.UnknownProvider || !strings.HasPrefix(e.Hint, hint) {
			t.Errorf("%s: got %v, hint %q; want unknown_provider with %q", name, err, api.AsError(err).Hint, hint)
		}
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

// RoundTrip implements [http.RoundTripper].
func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
