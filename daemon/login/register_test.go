package login

import (
	"context"
	"net/http"
	"reflect"
	"testing"
	"time"

	"oauthd/daemon/account"
	"oauthd/daemon/grant"
	"oauthd/daemon/provider"
)

type roundTrip func(*http.Request) (*http.Response, error)

// RoundTrip implements [http.RoundTripper].
func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestWhatIsKeptOfARegistration checks that all that the issuer said of the client reaches the store with the first login,
// and that the next login uses it.
func TestWhatIsKeptOfARegistration(t *testing.T) {
	l := (&witness{t: t}).logins()
	l.grants = &grant.Client{HTTP: &http.Client{Transport: roundTrip(func(*http.Request) (*http.Response, error) {
		return answerWith(201, `{"client_id":"made","client_secret":"fake-secret","client_secret_expires_at":4102444800,
			"token_endpoint_auth_method":"client_secret_basic","registration_access_token":"fake-token",
			"registration_client_uri":"https://login.example.com/register/made"}`), nil
	})}}
	p := provider.Provider{Name: "corp", Row: provider.Row{Issuer: "https://login.example.com"}}
	p.RegistrationEndpoint, p.BasicUnencoded = "https://login.example.com/register", true
	begin := func() *attempt {
		a := &attempt{Logins: l}
		a.Account.Name, a.Provider = "work", p
		return a
	}
	want := account.Registration{
		Issuer: "https://login.example.com", ClientID: "made", RedirectURIs: []string{"http://127.0.0.1/callback"},
		AuthMethod: "client_secret_basic", ClientSecret: account.NewSecret("fake-secret"),
		SecretExpiry: time.Unix(4102444800, 0).UTC(), AccessToken: account.NewSecret("fake-token"),
		ClientURI: "https://login.example.com/register/made",
	}
	first := begin()
	if err := first.useRegistration(t.Context()); err != nil || first.client != clientRegistered || !first.Registered {
		t.Fatalf("got client source %d, %v; want a client that was registered now", first.client, err)
	}
	wantAuth := grant.ClientAuth{ID: "made", Secret: account.NewSecret("fake-secret"), Method: provider.AuthBasic, BasicUnencoded: true}
	if !reflect.DeepEqual(first.Auth, wantAuth) {
		t.Errorf("got authentication %+v, want %+v", first.Auth, wantAuth)
	}
	l.saveRegistration(t.Context(), "work", want.Issuer)
	got, ok, err := l.vault.Registration(context.Background(), want.Issuer)
	got.SecretExpiry = got.SecretExpiry.UTC()
	if err != nil || !ok || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %t, %v; want %+v", got, ok, err, want)
	}
	if _, ok := l.registered.get(want.Issuer); ok {
		t.Error("the daemon still holds what the store has")
	}
	second := begin()
	if err := second.useRegistration(t.Context()); err != nil || second.client != clientRegisteredBefore || second.Auth.ID != "made" {
		t.Errorf("got client source %d, %v; want the client of the first login", second.client, err)
	}
}
