package daemon

import (
	"math"
	"os"
	"strings"
	"testing"

	"oauthd/daemon/oauthtest"
	"oauthd/ipc/api"
)

const googleClient = `{"installed":{"client_id":"app","client_secret":"` + clientSecret + `","redirect_uris":["https://app.example.com/cb"],
	"auth_uri":"https://accounts.google.com/o/oauth2/auth","token_uri":"https://oauth2.googleapis.com/token"}}`

func TestDefinitionsThatAreRefused(t *testing.T) {
	r := newRealRig(t, oauthtest.Config{})
	r.start()
	for _, tt := range []struct {
		name string
		set  func(def *api.AccountDefinition)
		want api.Code
		word string
	}{
		{"time-out, negative", func(d *api.AccountDefinition) { d.Timeout = -1 }, api.BadRequest, "time-out"},
		{"time-out, most negative", func(d *api.AccountDefinition) { d.Timeout = math.MinInt64 }, api.BadRequest, "time-out"},
		{"time-out, over a day", func(d *api.AccountDefinition) { d.Timeout = 24*60*60 + 1 }, api.BadRequest, "time-out"},
		{"time-out, beyond time", func(d *api.AccountDefinition) { d.Timeout = math.MaxInt64 }, api.BadRequest, "time-out"},
		{"grant nobody knows", func(d *api.AccountDefinition) { d.Grant = "password" }, api.Unsupported, "device_code"},
		{"grant in other letters", func(d *api.AccountDefinition) { d.Grant = "Device_Code" }, api.Unsupported, "Device_Code"},
		{"resource, relative", func(d *api.AccountDefinition) { d.Resource = "/mail" }, api.BadRequest, "absolute URI"},
		{"resource with fragment", func(d *api.AccountDefinition) { d.Resource = "https://api.example.com/#" }, api.BadRequest, "fragment"},
		{"redirect URI, elsewhere", func(d *api.AccountDefinition) { d.RedirectURI = "https://app.example.com/" }, api.BadRequest, "127.0.0.1"},
		{"redirect URI, port 0", func(d *api.AccountDefinition) { d.RedirectURI = "http://127.0.0.1:0/" }, api.BadRequest, "port"},
		{"two places", func(d *api.AccountDefinition) { d.Provider = "google" }, api.BadRequest, "not both"},
		{"issuer without TLS", func(d *api.AccountDefinition) { d.Issuer = "http://login.example.com" }, api.BadRequest, "issuer"},
		{"two scopes in one", func(d *api.AccountDefinition) { d.Scopes = []string{"a b"} }, api.BadRequest, "scope"},
		{"empty scope", func(d *api.AccountDefinition) { d.Scopes = []string{""} }, api.BadRequest, "scope"},
		{"response mode", func(d *api.AccountDefinition) {
			d.AuthParams = map[string]string{"response_mode": "fragment"}
		}, api.BadRequest, "form_post"},
		{"client_secrets that are none", func(d *api.AccountDefinition) {
			d.ClientID, d.ClientSecrets = "", "{}"
		}, api.ConfigInvalid, "client_secrets"},
		{"client_secrets of another provider", func(d *api.AccountDefinition) {
			d.Issuer, d.Provider, d.ClientID, d.ClientSecrets = "", "github", "", googleClient
		}, api.ConfigInvalid, "client of google"},
		{"client_secrets of a web client without loopback", func(d *api.AccountDefinition) {
			d.ClientID, d.ClientSecrets = "", api.Confidential(strings.ReplaceAll(googleClient, "installed", "web"))
		}, api.ConfigInvalid, "no loopback redirect URI"},
		{"no client where none is registered", func(d *api.AccountDefinition) {
			d.Issuer, d.Provider, d.ClientID = "", "google", ""
		}, api.BadRequest, "client"},
	} {
		def := r.definition("openid")
		tt.set(&def)
		l := r.begin("work", def)
		if l.url() != "" {
			t.Errorf("%s: got an authorization URL", tt.name)
		}
		err := <-l.ended
		if err == nil {
			t.Errorf("%s: got nil, want %s", tt.name, tt.want)
			continue
		}
		r.tell(err)
		if e := api.AsError(err); e.Code != tt.want || e.Hint == "" {
			t.Errorf("%s: got %s, hint %q; want %s with a hint", tt.name, e.Code, e.Hint, tt.want)
		}
		if !strings.Contains(err.Error(), tt.word) {
			t.Errorf("%s: got %q, want %q in it", tt.name, err, tt.word)
		}
	}
	r.nothingLeft("work")
	if n := r.store.times("put"); n != 0 {
		t.Errorf("got %d records put, want none", n)
	}
	if _, err := os.Stat(r.dir + "/accounts"); !os.IsNotExist(err) {
		t.Errorf("accounts: got %v, want nothing written", err)
	}
}

func TestTimeoutsThatAreTaken(t *testing.T) {
	r := newRealRig(t, oauthtest.Config{})
	r.start()
	for _, seconds := range []int64{0, 24 * 60 * 60} {
		def := r.definition("openid")
		def.Timeout = seconds
		if done, err := r.login("work", def); err != nil || done.Event != api.EventDone {
			t.Errorf("%d s: got %v, want done", seconds, err)
		}
	}
	if file := r.snapshot("work").file; strings.Contains(file, "time") {
		t.Errorf("got file %q, want no time-out kept", file)
	}
}
