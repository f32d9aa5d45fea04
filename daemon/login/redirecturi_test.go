package login

import (
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
