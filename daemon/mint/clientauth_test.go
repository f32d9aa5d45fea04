package mint

import (
	"testing"

	"oauthd/daemon/account"
	"oauthd/daemon/provider"
)

// What a provider's entry says of the client's authentication is for clients that have a secret: a native client has none.
func TestClientsOfEveryProvider(t *testing.T) {
	for _, name := range provider.Names() {
		t.Run(name, func(t *testing.T) {
			p, _ := provider.Lookup(name)
			a := account.Account{Provider: name, ClientID: "app", Grant: account.GrantAuthorizationCode}
			auth, _, err := Pin(a, p, Given{}, account.Credential{})
			if err != nil || auth.Method != provider.AuthNone {
				t.Errorf("without a secret: got %q, %v; want none", auth.Method, err)
			}
			if p.Endpoints.AuthMethod == string(provider.AuthNone) {
				return
			}
			auth, _, err = Pin(a, p, Given{Secret: account.NewSecret("fake")}, account.Credential{})
			if want := p.Endpoints.AuthMethod; err != nil || want != "" && string(auth.Method) != want || auth.Method == provider.AuthNone {
				t.Errorf("with a secret: got %q, %v; want %q", auth.Method, err, want)
			}
			a.Endpoints.AuthMethod = string(provider.AuthBasic)
			if _, _, err = Pin(a, p, Given{}, account.Credential{}); err == nil {
				t.Error("the account's own file names a secret that is not there: got none, want an error")
			}
		})
	}
}
