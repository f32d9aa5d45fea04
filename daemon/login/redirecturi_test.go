package login

import (
	"slices"
	"strings"
	"testing"

	"oauthd/daemon/account"
	"oauthd/daemon/provider"
	"oauthd/ipc/api"
)

// TestFixedPort refuses, before a browser opens, what the provider would refuse in it.
func TestFixedPort(t *testing.T) {
	row := provider.Row{
		Endpoints:    account.Endpoints{Authorization: "https://login.example.com/authorize", Token: "https://login.example.com/token"},
		RedirectHost: "localhost", RedirectPath: "/back", RedirectPort: "fixed",
	}
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
	a := &attempt{Logins: &Logins{}, slot: &Slot{id: "1"}}
	a.Account, a.Provider = account.Account{Name: "work"}, row.Provider("corp")
	_, err := a.viaRedirect(t.Context(), func(e api.LoginEvent) { t.Errorf("got event %q, want none", e.Event) })
	if e := api.AsError(err); err == nil || e.Code != api.BadRequest ||
		!strings.Contains(e.Message, "corp also compares the port") || !strings.Contains(e.Hint, "register http://localhost:8400/back at corp") ||
		!strings.Contains(e.Hint, "--redirect-uri http://localhost:8400/back") {
		t.Errorf("got %v, hint %q; want the redirect URI to register", err, api.AsError(err).Hint)
	}
}

// TestRegisteredRedirectURIs checks what a client is registered with, and where the redirect server then listens.
func TestRegisteredRedirectURIs(t *testing.T) {
	for _, tt := range []struct {
		name     string
		account  account.Account
		row      provider.Row
		want     string
		host     string
		path     string
		https    bool
		ports    []int
		toLetter string
	}{
		{"the default", account.Account{}, provider.Row{}, "http://127.0.0.1/callback", "", "", false, nil, ""},
		{"the provider's", account.Account{}, provider.Row{RedirectHost: "localhost", RedirectPath: "/back"},
			"http://localhost/back", "localhost", "/back", false, nil, ""},
		{"ports", account.Account{RedirectPorts: []int{8400, 8401}}, provider.Row{},
			"http://127.0.0.1:8400/callback http://127.0.0.1:8401/callback", "", "", false, []int{8400, 8401}, ""},
		{"the account's own", account.Account{RedirectURI: "http://localhost/cb"}, provider.Row{RedirectPath: "/back"},
			"http://localhost/cb", "localhost", "/cb", false, nil, ""},
		{"with a port, to the letter", account.Account{RedirectURI: "http://LOCALHOST:8400"}, provider.Row{},
			"http://LOCALHOST:8400", "LOCALHOST", "/", false, []int{8400}, "http://LOCALHOST:8400"},
		{"with TLS", account.Account{RedirectURI: "https://localhost/cb"}, provider.Row{},
			"https://localhost/cb", "localhost", "/cb", true, nil, ""},
		{"of IPv6", account.Account{RedirectURI: "http://[::1]/cb"}, provider.Row{}, "http://[::1]/cb", "[::1]", "/cb", false, nil, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := &attempt{}
			a.Account, a.Provider = tt.account, provider.Provider{Row: tt.row}
			if got := strings.Join(a.redirectURIs(), " "); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			rule, fixed := redirectRule(tt.account, a.Provider)
			if rule.Host != tt.host || rule.Path != tt.path || rule.HTTPS != tt.https || !slices.Equal(rule.Ports, tt.ports) || fixed != tt.toLetter {
				t.Errorf("got %+v, to the letter %q; want %q%s, TLS %t, ports %d, %q", rule, fixed, tt.host, tt.path, tt.https, tt.ports, tt.toLetter)
			}
		})
	}
}
