package login

import (
	"net/url"
	"strings"
	"testing"

	"oauthd/daemon/account"
	"oauthd/daemon/grant"
	"oauthd/daemon/provider"
)

// TestExchangeForOneResource checks that a code for the scopes of several resources is redeemed for a token of the first,
// where a token cannot hold more, and that everything consented to is recorded.
func TestExchangeForOneResource(t *testing.T) {
	const mail, imap = "https://graph.microsoft.com/Mail.Read", "https://outlook.office.com/IMAP.AccessAsUser.All"
	w := &witness{t: t}
	w.provider = w.resolve(t.Context(), "microsoft")
	l := w.logins()
	ctx, slot, err := l.Begin(t.Context(), "work")
	if err != nil {
		t.Fatal(err)
	}
	defer slot.End()
	a := &attempt{Logins: l, slot: slot}
	a.Provider, a.Auth = w.provider, grant.ClientAuth{ID: "app", Method: provider.AuthNone}
	a.Account = account.Account{Name: "work", Provider: "microsoft", ClientID: "app", Grant: account.GrantAuthorizationCode, Managed: true,
		Scopes: []string{mail, imap}}
	a.askScopes()
	asked := authorizationRequest{state: "state", redirectURI: "http://localhost:8400/", verifier: account.NewSecret("verifier")}
	u, err := url.Parse(a.plainURL(asked))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := u.Query().Get("scope"), strings.Join([]string{mail, imap, "offline_access"}, " "); got != want {
		t.Errorf("the browser asks for %q, want %q", got, want)
	}
	done, err := a.exchange(ctx, asked, account.NewSecret("fake-code"))
	if err != nil {
		t.Fatal(err)
	}
	if want := "  scope = " + mail + " offline_access\n"; !strings.Contains(w.out.String(), want) {
		t.Errorf("the code was redeemed by\n%s\nwant %q in it", w.out.String(), want)
	}
	if got, want := strings.Join(done.ScopesGranted, " "), strings.Join([]string{mail, "offline_access", imap}, " "); got != want {
		t.Errorf("got %q granted, want %q", got, want)
	}
}

// TestAsksForMore checks when a login says that it asks for more than an earlier one brought.
func TestAsksForMore(t *testing.T) {
	p := provider.Provider{Row: provider.Row{Issuer: "https://login.example.com"}}
	before := account.Credential{Issuer: p.Issuer, RefreshToken: account.NewSecret("fake"), Scopes: []string{"a"}}
	for _, tt := range []struct {
		name   string
		change func(a *attempt)
		want   bool
	}{
		{"a new scope was named", func(*attempt) {}, true},
		{"none was named", func(a *attempt) { a.scopes = scopesAsBefore }, false},
		{"a known one was named", func(a *attempt) { a.Account.Scopes = []string{"a"} }, false},
		{"the earlier one brought no refresh token", func(a *attempt) { a.Before.RefreshToken = account.Secret{} }, false},
		{"the earlier one was at another issuer", func(a *attempt) { a.Before.Issuer = "https://other.example.com" }, false},
	} {
		a := &attempt{scopes: scopesNamed}
		a.Provider, a.Before, a.Account.Scopes = p, before, []string{"a", "b"}
		tt.change(a)
		if got := a.asksForMore(); got != tt.want {
			t.Errorf("%s: got %t, want %t", tt.name, got, tt.want)
		}
	}
}
