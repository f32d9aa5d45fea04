package daemon

import (
	"fmt"
	"testing"

	"oauthd/daemon/oauthtest"
	"oauthd/ipc/api"
)

// If a client needs its secret for the redirect, that is said before a browser opens.
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

// A person who asks for HTTP Basic may leave the secret empty, as Reddit's clients have it.
func TestClientWithAnEmptySecret(t *testing.T) {
	redirects := []string{"http://127.0.0.1/callback"}
	for name, config := range map[string]string{
		"for a provider": "[providers.corp]\nissuer = %q\ntoken_endpoint_auth_method = \"client_secret_basic\"\n",
		"for an account": "[providers.corp]\nissuer = %q\n",
	} {
		t.Run(name, func(t *testing.T) {
			r := newRealRig(t, oauthtest.Config{Clients: []oauthtest.Client{
				{ID: "empty", AuthMethod: oauthtest.AuthBasic, RedirectURIs: redirects},
			}})
			r.write("config.toml", fmt.Sprintf(config, r.server.Issuer()))
			def := api.AccountDefinition{Provider: "corp", ClientID: "empty", Scopes: []string{"email", "offline_access"}}
			if name == "for an account" {
				r.write("accounts/work.toml", "provider = \"corp\"\nclient_id = \"empty\"\nscopes = [\"email\", \"offline_access\"]\n"+
					"token_endpoint_auth_method = \"client_secret_basic\"\n")
				def = api.AccountDefinition{}
			}
			r.start()
			r.loggedIn("work", def)
			if _, err := r.ask(api.TokenRequest{Account: "work", Force: true}); err != nil {
				t.Errorf("refresh: got %v, want a token", err)
			}
			if result, err := r.d.Logout(t.Context(), "work"); err != nil || !result.Revoked {
				t.Errorf("logout: got %+v, %v; want it revoked", result, err)
			}
		})
	}
}
