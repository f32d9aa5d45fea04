package daemon

import (
	"testing"

	"oauthd/daemon/oauthtest"
	"oauthd/ipc/api"
)

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
