package daemon

import (
	"context"
	"slices"
	"strings"
	"testing"

	"oauthd/daemon/oauthtest"
	"oauthd/ipc/api"
)

// A login that is given up leaves the account as it was configured, whatever its definition said.
func TestGivenUpLoginChangesNoAccount(t *testing.T) {
	r := newRealRig(t, oauthtest.Config{})
	r.start()
	def := r.definition("openid")
	def.AuthParams = map[string]string{"login_hint": "ada@example.com"}
	r.loggedIn("work", def)
	l := r.begin("work", api.AccountDefinition{AuthParams: map[string]string{"login_hint": "other@example.com", "hd": "example.com"}})
	if got := query(t, l.url()).Get("hd"); got != "example.com" {
		t.Errorf("got hd %q, want the parameter sent", got)
	}
	l.cancel()
	r.wants(<-l.ended, api.LoginFailed)
	l = r.begin("work", api.AccountDefinition{})
	if q := query(t, l.url()); q.Has("hd") || q.Get("login_hint") != "ada@example.com" {
		t.Errorf("got %q, want the parameters as they were", q)
	}
	l.cancel()
	<-l.ended
}

// A definition that lacks something is refused by what it lacks.
func TestIncompleteDefinitions(t *testing.T) {
	r := newRealRig(t, oauthtest.Config{})
	r.start()
	r.store.script(func(_ context.Context, _, name string) error {
		if name == ".probe" {
			t.Error("the store was probed for a login that cannot be")
		}
		return nil
	})
	for _, tt := range []struct {
		name, account string
		def           api.AccountDefinition
		want          api.Code
		hint          string
	}{
		{"nothing, of a new account", "new", api.AccountDefinition{}, api.UnknownAccount, "--client-secrets FILE"},
		{"a client alone, of a new account", "new", api.AccountDefinition{ClientID: "app"}, api.BadRequest, "--provider P"},
		{"no client of a program", "new", api.AccountDefinition{Provider: "github", Grant: "client_credentials"}, api.BadRequest, "--key-file FILE"},
		{"no client of a person", "new", api.AccountDefinition{Provider: "github"}, api.BadRequest, "--client-secrets FILE"},
		{"a provider that nobody knows", "new", api.AccountDefinition{Provider: "corp", ClientID: "app"}, api.UnknownProvider, ""},
		{"a name that is none", "New", r.definition(), api.BadRequest, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := <-r.begin(tt.account, tt.def).ended
			r.wants(err, tt.want)
			if err != nil && !strings.Contains(api.AsError(err).Hint, tt.hint) {
				t.Errorf("got hint %q, want %q in it", api.AsError(err).Hint, tt.hint)
			}
		})
	}
	if n := r.server.Requests(oauthtest.Discovery); n != 0 {
		t.Errorf("got %d requests for the issuer's document, want none", n)
	}
}

// A person's file that changes while a login is under way counts as soon as the login is done.
func TestPersonsFileThatChangesMeanwhile(t *testing.T) {
	r := newRealRig(t, oauthtest.Config{})
	file := func(client string) {
		r.write("accounts/work.toml", "issuer = \""+r.server.Issuer()+"\"\nclient_id = \""+client+"\"\nscopes = [\"openid\"]\n")
	}
	file("app")
	r.start()
	l := r.begin("work", api.AccountDefinition{})
	at := l.url()
	file("another")
	if err := l.decide(at, oauthtest.Allow); err != nil {
		t.Fatal(err)
	}
	if a := r.shown("work"); a.State != api.StateLoginRequired {
		t.Errorf("got state %s, want login_required: the credential belongs to another client", a.State)
	}
}

// A login with a client of its own says nothing of the client that the issuer has registered for others.
func TestTimeOutOfAnotherClient(t *testing.T) {
	r := newRealRig(t, oauthtest.Config{Registration: true})
	r.start()
	r.loggedIn("work", r.unregistered())
	registered := r.registered()
	def := r.definition("openid")
	def.Timeout = 1
	r.wants(<-r.begin("other", def).ended, api.LoginTimeout)
	if got := r.registered(); got != registered || got == "" {
		t.Errorf("got client %q in the store, want %q still", got, registered)
	}
}

// A login asks the issuer anew what it offers: it may have moved since.
func TestLoginMeetsAnIssuerThatHasMoved(t *testing.T) {
	r := newRealRig(t, oauthtest.Config{})
	r.start()
	// The scope that brings a refresh token is asked for once, whoever names it.
	l := r.begin("work", r.definition("openid", "offline_access"))
	at := l.url()
	if got := query(t, at).Get("scope"); got != "openid offline_access" {
		t.Errorf("got scope %q, want each once", got)
	}
	if err := l.decide(at, oauthtest.Allow); err != nil {
		t.Fatal(err)
	}
	r.server.Always(oauthtest.Discovery, oauthtest.Set("authorization_endpoint", r.server.Issuer()+"/authorize?moved=1"))
	l = r.begin("work", api.AccountDefinition{})
	if at := l.url(); !query(t, at).Has("moved") {
		t.Error("the browser goes to where the issuer was, want where it is")
	}
	l.cancel()
	<-l.ended
	r.server.Always(oauthtest.Discovery, oauthtest.Status(503))
	r.wants(<-r.begin("other", r.definition("openid")).ended, api.ProviderUnreachable)
	r.nothingLeft("other")
}

// Scopes that are named come on top of the provider's default ones, if the account has none of its own and was logged in
// with these.
func TestFirstNamedScopes(t *testing.T) {
	const issuer, token = "https://accounts.google.com", "https://oauth2.googleapis.com/token"
	defaults := []string{"openid", "email"}
	for _, tt := range []struct {
		name     string
		own      []string // the account's scopes
		loggedIn string   // the token endpoint of the earlier login; "" for none
		want     []string
	}{
		{"of an account without, logged in", nil, token, append(slices.Clone(defaults), "https://mail.google.com/")},
		{"of an account without, never logged in", nil, "", []string{"https://mail.google.com/"}},
		{"of an account without, logged in elsewhere", nil, "https://login.example.com/token", []string{"https://mail.google.com/"}},
		{"of a new account, whose name an old record has", nil, token, []string{"https://mail.google.com/"}},
		{"of an account with scopes", []string{"profile"}, token, []string{"profile", "https://mail.google.com/"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRealRig(t, oauthtest.Config{})
			text := ours + "provider = 'google'\nclient_id = 'app'\n"
			if tt.own != nil {
				text += "scopes = ['" + strings.Join(tt.own, "', '") + "']\n"
			}
			def := api.AccountDefinition{Scopes: []string{"https://mail.google.com/"}}
			if strings.HasPrefix(tt.name, "of a new account") {
				def.Provider, def.ClientID = "google", "app"
			} else {
				r.write("accounts/work.toml", text)
			}
			if tt.loggedIn != "" {
				c := r.authorize("openid", "offline_access")
				c.Issuer, c.TokenEndpoint, c.Scopes = issuer, tt.loggedIn, defaults
				r.store.save(t, "work", c)
			}
			r.start()
			l := r.begin("work", def)
			at := l.url()
			l.cancel()
			err := <-l.ended
			if at == "" {
				t.Fatalf("got %v, want an authorization URL", err)
			}
			if got := strings.Fields(query(t, at).Get("scope")); !slices.Equal(got, tt.want) {
				t.Errorf("got scopes %q, want %q", got, tt.want)
			}
		})
	}
}

// ours is the first line of a file that the daemon may rewrite.
const ours = "# Written by oauthd, and rewritten whole at every login; without this line the file is yours and stays as it is.\n"
