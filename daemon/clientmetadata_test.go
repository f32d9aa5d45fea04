package daemon

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"oauthd/daemon/oauthtest"
	"oauthd/daemon/vault"
	"oauthd/ipc/api"
)

const (
	metadataURL = "https://ada.example.com/oauthd.json"
	otherURL    = "https://ada.example.com/other.json"
)

// metadataAt is the text of a client id metadata document at url, which may not be used for grants that are left out.
func metadataAt(url string, grants ...string) string {
	if grants == nil {
		grants = []string{"authorization_code", "refresh_token"}
	}
	return `{"client_id":"` + url + `","client_name":"oauthd","redirect_uris":["http://127.0.0.1/callback"],"grant_types":["` +
		strings.Join(grants, `","`) + `"],"response_types":["code"],"token_endpoint_auth_method":"none"}`
}

// withMetadata is a server that takes the documents at metadataURL and otherURL.
func withMetadata(cfg oauthtest.Config) oauthtest.Config {
	cfg.ClientMetadata = map[string]string{metadataURL: metadataAt(metadataURL), otherURL: metadataAt(otherURL)}
	return cfg
}

// described is the definition of an account whose client is the document at url.
func (r *rig) described(url string) api.AccountDefinition {
	def := r.unregistered()
	def.ClientIDMetadata = url
	return def
}

// clientOf returns the client of an account's login, and checks that its token is refreshed as that one.
func (r *rig) clientOf(name string) string {
	r.t.Helper()
	c := r.store.credential(r.t, name)
	before := r.refreshes()
	if _, err := r.ask(api.TokenRequest{Account: name, Force: true}); err != nil || r.refreshes() != before+1 {
		r.t.Errorf("%s: got %d refreshes, %v; want one", name, r.refreshes()-before, err)
	}
	if c.AuthMethod != "none" || !c.ClientSecret.IsZero() {
		r.t.Errorf("%s: got authentication %q, want none", name, c.AuthMethod)
	}
	return c.ClientID
}

// refusedMetadata returns the document that the store knows to be refused; "" for none.
func (r *rig) refusedMetadata() string {
	r.t.Helper()
	found, _, err := vault.New(&r.store.Memory).Registration(context.Background(), r.server.Issuer())
	if err != nil {
		r.t.Fatal(err)
	}
	return found.RefusedMetadata
}

// The client is taken from the first of: configured, document, registration, a message.
func TestClientIsTakenFromTheFirst(t *testing.T) {
	for _, tt := range []struct {
		name     string
		cfg      oauthtest.Config
		main     string // config.toml
		def      api.AccountDefinition
		want     string // "" for one that the issuer registered
		fails    api.Code
		inFile   string
		requests int // for registration
	}{
		{name: "the configured one", cfg: withMetadata(oauthtest.Config{Registration: true}), main: `client_id_metadata = "` + metadataURL + `"`,
			def: api.AccountDefinition{ClientID: "app"}, want: "app", inFile: "client_id = 'app'"},
		{name: "the document of config.toml", cfg: withMetadata(oauthtest.Config{Registration: true}), main: `client_id_metadata = "` + metadataURL + `"`,
			want: metadataURL},
		{name: "that of the login", cfg: withMetadata(oauthtest.Config{Registration: true}), main: `client_id_metadata = "` + metadataURL + `"`,
			def: api.AccountDefinition{ClientIDMetadata: otherURL}, want: otherURL, inFile: "client_id_metadata = '" + otherURL + "'"},
		{name: "a server that takes none", cfg: oauthtest.Config{Registration: true},
			def: api.AccountDefinition{ClientIDMetadata: metadataURL}, inFile: "client_id_metadata = '" + metadataURL + "'", requests: 1},
		{name: "no document", cfg: withMetadata(oauthtest.Config{Registration: true}), requests: 1},
		{name: "nothing", cfg: oauthtest.Config{}, main: `client_id_metadata = "` + metadataURL + `"`, fails: api.BadRequest},
		{name: "pushed", cfg: withMetadata(oauthtest.Config{RequirePAR: true}), def: api.AccountDefinition{ClientIDMetadata: metadataURL},
			want: metadataURL, inFile: "client_id_metadata"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRealRig(t, tt.cfg)
			r.write("config.toml", tt.main+"\n")
			r.start()
			def := r.unregistered()
			def.ClientID, def.ClientIDMetadata = tt.def.ClientID, tt.def.ClientIDMetadata
			if tt.fails != "" {
				_, err := r.login("work", def)
				r.wants(err, tt.fails)
				r.nothingLeft("work")
				return
			}
			for range 2 { // the second login names nothing
				r.loggedIn("work", def)
				got := r.clientOf("work")
				if tt.want != "" && got != tt.want || tt.want == "" && !slices.Contains(r.server.RegisteredClients(), got) {
					t.Errorf("got client %q, want %q", got, tt.want)
				}
				if file := r.snapshot("work").file; !strings.Contains(file, tt.inFile) || tt.inFile == "" && strings.Contains(file, "client") {
					t.Errorf("got file %q, want %q in it", file, tt.inFile)
				}
				def = api.AccountDefinition{}
				r.restart()
			}
			r.registers(tt.requests)
		})
	}
}

// refusals are the ways in which a server refuses a document's client in words.
func refusals() map[string]func(r *rig) {
	return map[string]func(r *rig){
		"at the authorization endpoint": func(r *rig) {
			r.server.SetClientMetadata(metadataURL, metadataAt(metadataURL, "refresh_token"))
		},
		"at the token endpoint, as not known": func(r *rig) {
			r.server.Script(oauthtest.Token, oauthtest.Error(401, "invalid_client"))
		},
		"at the token endpoint, as not allowed": func(r *rig) {
			r.server.Script(oauthtest.Token, oauthtest.Error(400, "unauthorized_client"))
		},
	}
}

func TestRefusedMetadata(t *testing.T) {
	for name, refuse := range refusals() {
		t.Run(name, func(t *testing.T) {
			r := newRealRig(t, withMetadata(oauthtest.Config{Registration: true}))
			r.write("config.toml", `client_id_metadata = "`+metadataURL+`"`+"\n")
			r.start()
			refuse(r)
			l := r.begin("work", r.unregistered())
			first := l.url()
			if id := query(t, first).Get("client_id"); id != metadataURL {
				t.Fatalf("got client %q, want the document", id)
			}
			l.visit(first)
			if err := l.decide(l.url(), oauthtest.Allow); err != nil {
				t.Fatalf("got %v, want a login as a registered client", err)
			}
			registered := r.clientOf("work")
			if registered == metadataURL || r.refusedMetadata() != metadataURL {
				t.Errorf("got client %q, and %q refused; want a registered one", registered, r.refusedMetadata())
			}

			// Neither a restart nor another account brings the document back, nor does an issuer that forgot its client.
			r.restart()
			r.server.SetClientMetadata(metadataURL, metadataAt(metadataURL))
			r.loggedIn("home", r.unregistered())
			if got := r.clientOf("home"); got != registered {
				t.Errorf("got client %q, want the registered one", got)
			}
			r.server.ForgetClients()
			l = r.begin("work", api.AccountDefinition{Timeout: 1})
			l.url()
			r.wants(<-l.ended, api.LoginTimeout)
			r.loggedIn("work", api.AccountDefinition{})
			r.registers(2)

			// Another document was not refused, and one that a login names is tried again.
			r.loggedIn("other", r.described(otherURL))
			if got := r.clientOf("other"); got != otherURL || r.refusedMetadata() != metadataURL {
				t.Errorf("got client %q, and %q refused; want the other document", got, r.refusedMetadata())
			}
			r.loggedIn("work", r.described(metadataURL))
			if got := r.clientOf("work"); got != metadataURL || r.refusedMetadata() != "" {
				t.Errorf("got client %q, and %q refused; want the document", got, r.refusedMetadata())
			}
			r.restart()
			r.loggedIn("home", api.AccountDefinition{})
			if got := r.clientOf("home"); got != metadataURL {
				t.Errorf("got client %q, want the document", got)
			}
		})
	}
}

// The refusal belongs to one issuer.
func TestRefusedMetadataIsKnownByIssuer(t *testing.T) {
	r := newRealRig(t, withMetadata(oauthtest.Config{Registration: true}))
	other, err := oauthtest.Listen(withClients(withMetadata(oauthtest.Config{Registration: true})))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Close() }()
	r.start()
	r.server.Script(oauthtest.Token, oauthtest.Error(401, "invalid_client"))
	l := r.begin("work", r.described(metadataURL))
	l.visit(l.url())
	if err := l.decide(l.url(), oauthtest.Allow); err != nil {
		t.Fatal(err)
	}
	def := r.described(metadataURL)
	def.Issuer = other.Issuer()
	r.loggedIn("home", def)
	if got := r.store.credential(t, "home").ClientID; got != metadataURL {
		t.Errorf("got client %q at another issuer, want the document", got)
	}
}

// If nothing else would do, the document is tried each time, and the error says what else can be done.
func TestRefusedMetadataWithoutAnotherWay(t *testing.T) {
	for name, refuse := range refusals() {
		t.Run(name, func(t *testing.T) {
			r := newRealRig(t, withMetadata(oauthtest.Config{}))
			r.start()
			refuse(r)
			_, err := r.login("work", r.described(metadataURL))
			r.wants(err, api.ProviderRejected)
			if hint := api.AsError(err).Hint; !strings.Contains(hint, metadataURL) || !strings.Contains(hint, "http://127.0.0.1/callback") ||
				!strings.Contains(hint, "--client-id ID") {
				t.Errorf("got hint %q, want what to check, and another way", hint)
			}
			r.nothingLeft("work")
			r.server.SetClientMetadata(metadataURL, metadataAt(metadataURL))
			r.loggedIn("work", r.described(metadataURL))
			if got := r.clientOf("work"); got != metadataURL {
				t.Errorf("got client %q, want the document", got)
			}
		})
	}
}

// A server that cannot read the document shows that in the browser, and sends nobody back.
func TestMetadataThatNobodyComesBackFrom(t *testing.T) {
	r := newRealRig(t, withMetadata(oauthtest.Config{Registration: true}))
	r.start()
	r.server.SetClientMetadata(metadataURL, "")
	def := r.described(metadataURL)
	def.Timeout = 1
	l := r.begin("work", def)
	if id := query(t, l.url()).Get("client_id"); id != metadataURL {
		t.Errorf("got client %q, want the document", id)
	}
	err := <-l.ended
	r.wants(err, api.LoginTimeout)
	if hint := api.AsError(err).Hint; !strings.Contains(hint, metadataURL) || !strings.Contains(hint, "registers a client instead") ||
		!strings.Contains(hint, "--timeout") {
		t.Errorf("got hint %q, want what to check, and what comes next", hint)
	}
	r.nothingLeft("work")
	r.write("config.toml", `client_id_metadata = "`+metadataURL+`"`+"\n")
	if _, err := r.d.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	// A server that no longer registers leaves the document alone to try.
	r.server.Always(oauthtest.Discovery, oauthtest.Remove("registration_endpoint"))
	r.server.SetClientMetadata(metadataURL, metadataAt(metadataURL))
	r.loggedIn("home", r.unregistered())
	if got := r.clientOf("home"); got != metadataURL {
		t.Errorf("got client %q, want the document", got)
	}
	r.server.Always(oauthtest.Discovery, nil)
	r.loggedIn("work", r.unregistered())
	if got := r.clientOf("work"); got == metadataURL || r.refusedMetadata() != metadataURL {
		t.Errorf("got client %q, and %q refused; want a registered one", got, r.refusedMetadata())
	}
	r.registers(1)
}

// A login that a person gives up, or that the person refuses, says nothing of the document; nor does a server in trouble.
func TestMetadataIsNotBlamed(t *testing.T) {
	for name, end := range map[string]func(r *rig, l *attempted, url string) error{
		"given up": func(_ *rig, l *attempted, _ string) error { l.cancel(); return <-l.ended },
		"denied": func(r *rig, l *attempted, url string) error {
			r.server.DenyNext()
			return l.decide(url, oauthtest.Allow)
		},
		"out of order": func(r *rig, l *attempted, url string) error {
			r.server.Script(oauthtest.Token, oauthtest.Status(503))
			return l.decide(url, oauthtest.Allow)
		},
		"wrong code": func(r *rig, l *attempted, url string) error {
			r.server.Script(oauthtest.Token, oauthtest.Error(400, "invalid_grant"))
			return l.decide(url, oauthtest.Allow)
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRealRig(t, withMetadata(oauthtest.Config{Registration: true}))
			r.start()
			l := r.begin("work", r.described(metadataURL))
			if err := end(r, l, l.url()); err == nil {
				t.Fatal("the login did not fail")
			}
			r.write("config.toml", `client_id_metadata = "`+metadataURL+`"`+"\n")
			if _, err := r.d.Reload(t.Context()); err != nil {
				t.Fatal(err)
			}
			r.loggedIn("work", r.unregistered())
			if got := r.clientOf("work"); got != metadataURL {
				t.Errorf("got client %q, want the document", got)
			}
			r.registers(0)
		})
	}
}

// A refusal that comes with a refresh is a login's to find out about: the next one registers.
func TestMetadataRefusedLater(t *testing.T) {
	r := newRealRig(t, withMetadata(oauthtest.Config{Registration: true}))
	r.start()
	r.loggedIn("work", r.described(metadataURL))
	r.server.SetClientMetadata(metadataURL, metadataAt(metadataURL, "refresh_token"))
	l := r.begin("work", api.AccountDefinition{})
	l.visit(l.url())
	if err := l.decide(l.url(), oauthtest.Allow); err != nil {
		t.Fatal(err)
	}
	if got := r.clientOf("work"); got == metadataURL {
		t.Error("got the document that was refused, want a registered client")
	}
}

func TestMetadataOfADeviceLogin(t *testing.T) {
	cfg := withMetadata(oauthtest.Config{Device: true, DeviceInterval: time.Second})
	cfg.ClientMetadata[metadataURL] = metadataAt(metadataURL, "urn:ietf:params:oauth:grant-type:device_code", "refresh_token")
	r := newRealRig(t, cfg)
	r.start()
	def := r.described(metadataURL)
	def.Grant = "device_code"
	l := r.begin("work", def)
	if err := r.server.ApproveDevice(l.event(api.EventDevice).UserCode); err != nil {
		t.Fatal(err)
	}
	if err := <-l.ended; err != nil {
		t.Fatal(err)
	}
	if got := r.clientOf("work"); got != metadataURL {
		t.Errorf("got client %q, want the document", got)
	}
}

func TestMetadataThatMakesNoSense(t *testing.T) {
	for _, tt := range []struct {
		name string
		def  api.AccountDefinition
		says string
	}{
		{"plain http", api.AccountDefinition{ClientIDMetadata: "http://ada.example.com/c.json"}, "client id metadata: not https"},
		{"no path", api.AccountDefinition{ClientIDMetadata: "https://ada.example.com"}, "client id metadata: the URL has no path"},
		{"dot segments", api.AccountDefinition{ClientIDMetadata: "https://ada.example.com/a/../c.json"}, "a dot segment"},
		{"with a client id", api.AccountDefinition{ClientIDMetadata: metadataURL, ClientID: "app"}, "not both"},
		{"with a secret", api.AccountDefinition{ClientIDMetadata: metadataURL, ClientSecret: clientSecret}, "not both"},
		{"of a program", api.AccountDefinition{ClientIDMetadata: metadataURL, Grant: "client_credentials"}, "not for client_credentials"},
		{"of a service account", api.AccountDefinition{ClientIDMetadata: metadataURL, Grant: "service_account"}, "not for service_account"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRealRig(t, withMetadata(oauthtest.Config{}))
			r.start()
			if !strings.HasPrefix(tt.def.Grant, "service") {
				tt.def.Issuer = r.server.Issuer()
			}
			_, err := r.login("work", tt.def)
			r.wants(err, api.BadRequest)
			if err != nil && !strings.Contains(err.Error(), tt.says) {
				t.Errorf("got %q, want %q in it", err, tt.says)
			}
			r.nothingLeft("work")
			if n := r.server.Requests(oauthtest.Discovery); n != 0 {
				t.Errorf("got %d requests, want none before that is right", n)
			}
		})
	}
}

// A client of one's own takes the place of a document, and the other way round.
func TestMetadataAndClientReplaceEachOther(t *testing.T) {
	r := newRealRig(t, withMetadata(oauthtest.Config{}))
	r.start()
	for _, step := range []struct {
		def        api.AccountDefinition
		want, file string
	}{
		{r.described(metadataURL), metadataURL, "client_id_metadata = "},
		{api.AccountDefinition{ClientID: "app"}, "app", "client_id = 'app'"},
		{api.AccountDefinition{ClientIDMetadata: otherURL}, otherURL, "client_id_metadata = "},
	} {
		r.loggedIn("work", step.def)
		file := r.snapshot("work").file
		if got := r.clientOf("work"); got != step.want || strings.Count(file, "client_id") != 1 || !strings.Contains(file, step.file) {
			t.Errorf("got client %q, file %q; want %q", got, file, step.want)
		}
	}
}
