package daemon

import (
	"os"
	"strings"
	"testing"

	"oauthd/daemon/config"
	"oauthd/daemon/oauthtest"
	"oauthd/ipc/api"
)

// A token of Google's is for scopes or for an audience, whichever way its account has come.
func TestTokensForAnAudience(t *testing.T) {
	const audience = "https://api.example.com/"
	r := newRealRig(t, machines())
	r.write("accounts/kept.json", r.robotKey())
	r.write("accounts/robot.toml", "grant = \"service_account\"\nkey_file = \"kept.json\"\nscopes = [\"storage.read\"]\n")
	r.write("accounts/here.toml", "grant = \"adc\"\nscopes = [\"storage.read\"]\n")
	r.write("accounts/bare.toml", "grant = \"adc\"\n")
	r.adc = ADCPlaces{Env: r.write("adc.json", r.robotKey())}
	r.start()
	for _, tt := range []struct {
		name string
		ask  api.TokenRequest
		want api.Code // "" for a token
		hint string
	}{
		{"of a service account", api.TokenRequest{Account: "robot", Audience: audience}, "", ""},
		{"of this machine", api.TokenRequest{Account: "here", Audience: audience}, "", ""},
		{"of this machine, without scopes", api.TokenRequest{Account: "bare", Audience: audience}, "", ""},
		{"and scopes", api.TokenRequest{Account: "robot", Audience: audience, Scope: "storage.read"}, api.BadRequest, "--scope or --audience"},
		{"and scopes, of this machine", api.TokenRequest{Account: "here", Audience: audience, Scope: "storage.read"}, api.BadRequest, "--scope or --audience"},
		{"an ID token", api.TokenRequest{Account: "here", Audience: audience, IDToken: true}, "", ""},
		{"an ID token alone", api.TokenRequest{Account: "bare", Audience: audience, IDToken: true}, api.BadRequest, "--scope S"},
		{"nothing", api.TokenRequest{Account: "bare"}, api.ConfigInvalid, "--scope or --audience"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := r.ask(tt.ask)
			if tt.want != "" {
				r.wants(err, tt.want)
				if e := api.AsError(err); !strings.Contains(e.Hint, tt.hint) {
					t.Errorf("got hint %q, want %q", e.Hint, tt.hint)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			about, scope := got.AccessToken, ""
			if tt.ask.IDToken {
				about, scope = got.IDToken, "storage.read"
			}
			if claimsOf(t, about)["aud"] != audience || got.Scope != scope || got.AccessToken == "" {
				t.Errorf("got scope %q, want %q, and a token for the audience", got.Scope, scope)
			}
		})
	}
}

// Nobody is asked for what cannot be had, and the hint is one that helps.
func TestMachineMistakes(t *testing.T) {
	r := newRealRig(t, machines())
	r.start()
	elsewhere := strings.ReplaceAll(r.robotKey(), r.server.Issuer(), "https://tokens.invalid")
	for _, tt := range []struct {
		name, hint string
		def        api.AccountDefinition
	}{
		{"a program without a secret", "--key-file FILE", api.AccountDefinition{Grant: "client_credentials", Issuer: r.server.Issuer(), ClientID: "build"}},
		{"a key of elsewhere", "--trust-endpoint", api.AccountDefinition{Grant: "service_account", Key: api.Confidential(elsewhere), Scopes: []string{"a"}}},
		{"a provider of a service account", "leave out", api.AccountDefinition{Grant: "adc", Provider: "github", Tenant: "acme"}},
		{"a client of a service account", "leave out", api.AccountDefinition{
			Grant: "service_account", Key: api.Confidential(elsewhere), ClientID: "app", Scopes: []string{"a"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := r.begin("work", tt.def)
			e := api.AsError(<-l.ended)
			if e == nil || e.Code.ExitStatus() != 2 || !strings.Contains(e.Hint, tt.hint) {
				t.Errorf("got %v, want a usage error with the hint %q", e, tt.hint)
			}
			r.nothingLeft("work")
		})
	}
	if n := r.server.Requests(oauthtest.Token); n != 0 {
		t.Errorf("got %d token requests, want none", n)
	}
}

// An account that changes to a service account's grant keeps nothing that would send the key's assertions elsewhere.
func TestGrantThatLeavesAProviderBehind(t *testing.T) {
	r := newRealRig(t, machines())
	r.start()
	r.tried("work", r.buildDefinition())
	r.tried("work", api.AccountDefinition{
		Grant: "service_account", Key: api.Confidential(r.robotKey()), Scopes: []string{"storage.read"}})
	file, err := os.ReadFile(config.AccountFile(r.dir, "work"))
	if err != nil {
		t.Fatal(err)
	}
	for _, gone := range []string{"issuer", "client_id", "endpoint"} {
		if strings.Contains(string(file), gone) {
			t.Errorf("got file %q, want it without %s", file, gone)
		}
	}
	r.restart()
	if got := r.token(); got.Scope != "storage.read" {
		t.Errorf("got scope %q, want storage.read", got.Scope)
	}
}
