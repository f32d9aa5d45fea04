package mint

import (
	"testing"
	"time"

	"oauthd/daemon/account"
	"oauthd/daemon/provider"
)

// What a person writes about the authentication reaches every request of the client.
func TestBasicAsAProviderWantsIt(t *testing.T) {
	p := provider.Provider{Row: provider.Row{BasicUnencoded: true, TokenLifetime: "2h"}}
	a := account.Account{ClientID: "app", Grant: account.GrantAuthorizationCode}
	a.Endpoints.AuthMethod = string(provider.AuthBasic)
	auth, _, err := Pin(a, p, Given{}, account.Credential{})
	if err != nil || auth.Method != provider.AuthBasic || !auth.Secret.IsZero() || !auth.BasicUnencoded {
		t.Errorf("got %q, unencoded %t, %v; want Basic, unencoded, without a secret", auth.Method, auth.BasicUnencoded, err)
	}
	if again, err := clientAuth(a, account.Credential{AuthMethod: "client_secret_basic"}, p); err != nil || !again.BasicUnencoded {
		t.Errorf("later: got unencoded %t, %v; want true", again.BasicUnencoded, err)
	}
	if got := Dialect(p).TokenLifetime; got != 2*time.Hour {
		t.Errorf("token_lifetime: got %v, want 2h", got)
	}
}

// What a provider's entry says of the client's authentication is for clients that have a secret: a native client has none.
func TestClientsOfEveryProvider(t *testing.T) {
	for _, name := range provider.Names() {
		t.Run(name, func(t *testing.T) {
			p, _ := provider.Lookup(name)
			a := account.Account{Provider: name, ClientID: "app", Grant: account.GrantAuthorizationCode}
			auth, _, err := Pin(a, p, Given{}, account.Credential{})
			want := provider.AuthNone
			if p.EmptySecret {
				want = provider.AuthBasic
			}
			if err != nil || auth.Method != want || !auth.Secret.IsZero() {
				t.Errorf("without a secret: got %q, %v; want %s", auth.Method, err, want)
			}
			if p.Endpoints.AuthMethod == string(provider.AuthNone) {
				return
			}
			auth, _, err = Pin(a, p, Given{Secret: account.NewSecret("fake")}, account.Credential{})
			if want := p.Endpoints.AuthMethod; err != nil || want != "" && string(auth.Method) != want || auth.Method == provider.AuthNone {
				t.Errorf("with a secret: got %q, %v; want %q", auth.Method, err, want)
			}
			a.Endpoints.AuthMethod = string(provider.AuthPost)
			if _, _, err = Pin(a, p, Given{}, account.Credential{}); err == nil {
				t.Error("the account's own file names a secret that is not there: got none, want an error")
			}
			a.Endpoints.AuthMethod = string(provider.AuthBasic)
			if auth, _, err = Pin(a, p, Given{}, account.Credential{}); err != nil || auth.Method != provider.AuthBasic || !auth.Secret.IsZero() {
				t.Errorf("the account's own file says Basic: got %q, %v; want it, with an empty secret", auth.Method, err)
			}
			a.Grant = account.GrantClientCredentials
			if _, _, err = Pin(a, p, Given{}, account.Credential{}); err == nil {
				t.Error("a program without a secret: got none, want an error")
			}
		})
	}
}
