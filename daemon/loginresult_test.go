package daemon

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"oauthd/daemon/oauthtest"
	"oauthd/ipc/api"
)

// browse opens url in a browser and returns the last page it shows.
func (l *attempted) browse(url, decision string) oauthtest.Page {
	l.r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	page, err := oauthtest.Follow(ctx, nil, url, decision)
	if err != nil {
		l.r.t.Fatalf("the browser: got %v, want it sent back", err)
	}
	return page
}

// The browser shows how the login ended, and says so only once it has.
func TestLastPageOfALogin(t *testing.T) {
	for _, tt := range []struct {
		name   string
		script func(s *oauthtest.Server)
		done   bool
		says   string
	}{
		{"done", func(*oauthtest.Server) {}, true, "ada@example.com"},
		{"denied", func(s *oauthtest.Server) { s.DenyNext() }, false, "The login was denied"},
		{"code refused", func(s *oauthtest.Server) { s.Script(oauthtest.Token, oauthtest.Error(400, "invalid_grant")) }, false, "Nothing was stored"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRealRig(t, oauthtest.Config{})
			r.start()
			l := r.begin("work", r.definition("openid", "email"))
			tt.script(r.server.Server)
			page := l.browse(l.url(), oauthtest.Allow)
			if err := <-l.ended; (err == nil) != tt.done || !strings.Contains(strings.ReplaceAll(page.Body, "<wbr>", ""), tt.says) {
				t.Errorf("got %v, and a page of status %d; want %q on it", err, page.Status, tt.says)
			}
		})
	}
}

// A response that is posted is taken only if the login asked for that.
func TestPostedResponse(t *testing.T) {
	r := newRealRig(t, oauthtest.Config{})
	r.start()
	def := r.definition("openid")
	def.AuthParams = map[string]string{"response_mode": "form_post"}
	r.loggedIn("work", def)
	r.token()
}

// What happens while a login waits is told to the person at once.
func TestNoticeOfALogin(t *testing.T) {
	r := newRealRig(t, oauthtest.Config{})
	r.start()
	l := r.begin("work", r.definition("openid"))
	e := l.event(api.EventAuthorize)
	inAFrame, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.response(e.URL), nil)
	if err != nil {
		t.Fatal(err)
	}
	inAFrame.Header.Set("Sec-Fetch-Mode", "navigate")
	inAFrame.Header.Set("Sec-Fetch-Dest", "iframe")
	res, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(inAFrame)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	notice := l.event(api.EventNotice)
	if notice.LoginID != e.LoginID || !strings.Contains(notice.Message, "inside a web page") || notice.Hint == "" {
		t.Errorf("got %+v, want a notice with a hint", notice)
	}
	if err := l.decide(e.URL, oauthtest.Allow); err != nil {
		t.Errorf("got %v, want the login to have gone on", err)
	}
}

// What was granted is compared with what was asked for, and the person hears of any difference.
func TestWarningsOfALogin(t *testing.T) {
	for _, tt := range []struct {
		name, granted string
		want          []string
	}{
		{"as asked for", "openid email offline_access", nil},
		{"fewer", "openid offline_access", []string{"not granted: email"}},
		{"more", "openid email offline_access mail", []string{"granted though not asked for: mail"}},
		{"others", "openid offline_access mail files", []string{"not granted: email", "granted though not asked for: mail files"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRealRig(t, oauthtest.Config{})
			r.start()
			r.server.Script(oauthtest.Token, oauthtest.Set("scope", tt.granted))
			if done := r.loggedIn("work", r.definition("openid", "email")); !slices.Equal(done.Warnings, tt.want) {
				t.Errorf("got warnings %q, want %q", done.Warnings, tt.want)
			}
		})
	}
	t.Run("of a program", func(t *testing.T) {
		r := newRealRig(t, machines())
		r.start()
		r.server.Script(oauthtest.Token, oauthtest.Set("scope", "calendar.read"))
		done := r.tried("work", r.buildDefinition("calendar.read", "mail.read"))
		if want := []string{"not granted: mail.read"}; !slices.Equal(done.Warnings, want) || !slices.Equal(done.ScopesDenied, []string{"mail.read"}) {
			t.Errorf("got warnings %q, denied %q; want %q", done.Warnings, done.ScopesDenied, want)
		}
	})
}

// Whoever watches hears of the token that a login brought.
func TestWatchHearsOfALoginsToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, deviceConfig)
		r.start()
		ctx, cancel := context.WithCancel(t.Context())
		events, ended := r.watching(ctx, "")
		synctest.Wait()
		def := r.definition("openid")
		def.Grant = "device_code"
		l := r.begin("work", def)
		if err := r.server.ApproveDevice(l.event(api.EventDevice).UserCode); err != nil {
			t.Fatal(err)
		}
		l.event(api.EventDone)
		if err := <-l.ended; err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if !slices.ContainsFunc(*events, func(e api.WatchEvent) bool { return e.Event == api.EventToken && e.Account == "work" }) {
			t.Errorf("got %d events, want the token among them", len(*events))
		}
		cancel()
		<-ended
	})
}

// What a login stored is missed when it vanishes; of an account that stores nothing, nothing can vanish.
func TestWhatALoginStoredIsMissed(t *testing.T) {
	r := newRealRig(t, machines())
	r.state = t.TempDir()
	r.write("accounts/here.toml", "grant = \"adc\"\nscopes = [\"storage.read\"]\n")
	r.adc = ADCPlaces{Env: r.write("adc.json", r.robotKey())}
	r.start()
	r.loggedIn("work", r.definition("openid"))
	r.tried("here", api.AccountDefinition{})
	if err := r.store.Memory.Delete(t.Context(), "work"); err != nil {
		t.Fatal(err)
	}
	// The files change hands while the daemon is down, so that both accounts now need what was never stored.
	r.write("accounts/here.toml", "issuer = \""+r.server.Issuer()+"\"\nclient_id = \"app\"\n")
	r.restart()
	if a := r.shown("work"); a.MissingSince == nil {
		t.Error("work: got nothing missing, want the stored credential missed")
	}
	if a := r.shown("here"); a.MissingSince != nil {
		t.Errorf("here: got a credential missing since %v, want none: nothing was stored", a.MissingSince)
	}
}

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

// A login that is done holds the store open no longer.
func TestLoginLetsGoOfTheStore(t *testing.T) {
	r := newRealRig(t, oauthtest.Config{})
	store := r.startDoored()
	r.unlock("hunter2")
	r.loggedIn("work", r.definition("openid"))
	if r.lock(); !store.Closed() {
		t.Error("the store is open after a lock, want it closed")
	}
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

// ours is the first line of a file that the daemon may rewrite.
const ours = "# Written by oauthd, and rewritten whole at every login; without this line the file is yours and stays as it is.\n"

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
		{"of an account with scopes", []string{"profile"}, token, []string{"profile", "https://mail.google.com/"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRealRig(t, oauthtest.Config{})
			text := ours + "provider = 'google'\nclient_id = 'app'\n"
			if tt.own != nil {
				text += "scopes = ['" + strings.Join(tt.own, "', '") + "']\n"
			}
			r.write("accounts/work.toml", text)
			if tt.loggedIn != "" {
				c := r.authorize("openid", "offline_access")
				c.Issuer, c.TokenEndpoint, c.Scopes = issuer, tt.loggedIn, defaults
				r.store.save(t, "work", c)
			}
			r.start()
			l := r.begin("work", api.AccountDefinition{Scopes: []string{"https://mail.google.com/"}})
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
