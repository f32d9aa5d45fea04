package daemon

import (
	"testing"

	"oauthd/daemon/account"
	"oauthd/daemon/oauthtest"
	"oauthd/daemon/provider"
	"oauthd/ipc/api"
)

// What a provider's entry says of the client's authentication is for clients that have a secret: a native client has none.
func TestClientsOfEveryProvider(t *testing.T) {
	for _, name := range provider.Names() {
		t.Run(name, func(t *testing.T) {
			p, _ := provider.Lookup(name)
			a := account.Account{Provider: name, ClientID: "app", Grant: account.GrantAuthorizationCode}
			auth, _, err := pinned(a, p, given{}, account.Credential{})
			if err != nil || auth.Method != provider.AuthNone {
				t.Errorf("without a secret: got %q, %v; want none", auth.Method, err)
			}
			if p.Endpoints.AuthMethod == string(provider.AuthNone) {
				return
			}
			auth, _, err = pinned(a, p, given{secret: account.NewSecret("fake")}, account.Credential{})
			if want := p.Endpoints.AuthMethod; err != nil || want != "" && string(auth.Method) != want || auth.Method == provider.AuthNone {
				t.Errorf("with a secret: got %q, %v; want %q", auth.Method, err, want)
			}
			a.Endpoints.AuthMethod = string(provider.AuthBasic)
			if _, _, err = pinned(a, p, given{}, account.Credential{}); err == nil {
				t.Error("the account's own file names a secret that is not there: got none, want an error")
			}
		})
	}
}

// Where a client needs its secret for the redirect, that is said before a browser opens.
func TestClientThatNeedsASecret(t *testing.T) {
	r := newRealRig(t, oauthtest.Config{Device: true})
	r.write("config.toml", "[providers.corp]\nclient_secret_required = true\nissuer = \""+r.server.Issuer()+
		"\"\ntoken_endpoint_auth_method = \"client_secret_basic\"\n")
	r.start()
	l := r.begin("work", api.AccountDefinition{Provider: "corp", ClientID: "app"})
	r.wants(<-l.ended, api.BadRequest)
	if len(l.opened) != 0 && l.url() != "" {
		t.Error("got an authorization URL, want none")
	}
	r.nothingLeft("work")
	l = r.begin("work", api.AccountDefinition{Provider: "corp", ClientID: "app", Grant: "device_code"})
	if e := <-l.told; e.Event != api.EventDevice {
		t.Errorf("got event %q, want the device grant, which takes no secret there", e.Event)
	}
	l.cancel()
	<-l.ended
}
