package takeover

import (
	"errors"
	"testing"

	"oauthd/daemon/account"
	"oauthd/daemon/foreign"
	"oauthd/daemon/provider"
	"oauthd/ipc/api"
)

func TestImportNames(t *testing.T) {
	for _, tt := range []struct {
		name, data string
		request    api.ImportRequest
		want       string
	}{
		{"the tool's name", `{"name":"My Corp","issuer_url":"https://login.example.com","client_id":"c","refresh_token":"r"}`, api.ImportRequest{}, "my-corp"},
		{"the person's name", `{"type":"authorized_user","account":"Ada.L@example.com","client_id":"c","refresh_token":"r"}`, api.ImportRequest{}, "ada.l"},
		{"the provider's name", `{"type":"authorized_user","client_id":"c","refresh_token":"r"}`, api.ImportRequest{}, "google"},
		{"the host's name", `{"token_uri":"http://127.0.0.1:8400/token","client_id":"c","refresh_token":"r"}`, api.ImportRequest{}, "127.0.0.1-8400"},
		{"of the issuer that is said", `a-refresh-token`, api.ImportRequest{Issuer: "https://login.example.com"}, "login.example.com"},
		{"as asked", `{"type":"authorized_user","client_id":"c","refresh_token":"r"}`, api.ImportRequest{As: "work"}, "work"},
		{"none", `a-refresh-token`, api.ImportRequest{}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.request.Data = api.Confidential(tt.data)
			got, err := (&Imports{}).read(tt.request)
			switch {
			case tt.want == "":
				if !errors.Is(err, &api.Error{Code: api.BadRequest}) {
					t.Errorf("got %v, want bad_request", err)
				}
			case err != nil:
				t.Errorf("got %v, want %q", err, tt.want)
			case got.out.Account.Name != tt.want:
				t.Errorf("got %q, want %q", got.out.Account.Name, tt.want)
			}
		})
	}
}

func TestImportGoesOnlyWhereItCameFrom(t *testing.T) {
	provided := func(name, tenant string) provider.Provider {
		p, _ := provider.Lookup(name)
		p, err := p.ForTenant(tenant)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	for _, tt := range []struct {
		name  string
		found foreign.Found
		to    provider.Provider
		want  bool
	}{
		{"Google's to Google", foreign.Found{Provider: "google", TokenURI: "https://accounts.google.com/o/oauth2/token"}, provided("google", ""), false},
		{"Google's to Microsoft", foreign.Found{Provider: "google"}, provided("microsoft", ""), true},
		{"a tenant's to it", foreign.Found{Provider: "microsoft", Tenant: "acme"}, provided("microsoft", "acme"), false},
		{"a tenant's to another", foreign.Found{Provider: "microsoft", Tenant: "acme"}, provided("microsoft", ""), true},
		{"an endpoint's to it", foreign.Found{TokenURI: "https://a.example.com/token"}, provider.FromEndpoints(account.Endpoints{Token: "https://a.example.com/token"}), false},
		{"an endpoint's to another path", foreign.Found{TokenURI: "https://a.example.com/token"}, provider.FromEndpoints(account.Endpoints{Token: "https://a.example.com/other"}), true},
		{"an issuer's to it, but for a slash", foreign.Found{Issuer: "https://a.example.com/"}, provider.Provider{Row: provider.Row{Issuer: "https://a.example.com"}}, false},
		{"an issuer's to another", foreign.Found{Issuer: "https://a.example.com"}, provider.Provider{Row: provider.Row{Issuer: "https://b.example.com"}}, true},
		{"what says nothing", foreign.Found{}, provided("google", ""), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := (&takeover{found: tt.found}).foreignTo(tt.to); got != tt.want {
				t.Errorf("got %t, want %t", got, tt.want)
			}
		})
	}
}
