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

// The answer to a device login is read in the provider's own way.
func TestDeviceLoginInTheProvidersDialect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, deviceConfig)
		r.write("config.toml", "[providers.corp]\nissuer = \""+r.server.Issuer()+"\"\nscope_separator = \",\"\n")
		r.start()
		r.server.Always(oauthtest.Token, oauthtest.Set("scope", "openid,email,offline_access"))
		l := r.begin("work", api.AccountDefinition{Provider: "corp", ClientID: "app", Grant: "device_code", Scopes: []string{"openid", "email"}})
		if err := r.server.ApproveDevice(l.event(api.EventDevice).UserCode); err != nil {
			t.Fatal(err)
		}
		if done := l.event(api.EventDone); len(done.ScopesGranted) != 3 || done.Warnings != nil {
			t.Errorf("got %q with warnings %q, want three scopes and none", done.ScopesGranted, done.Warnings)
		}
		if err := <-l.ended; err != nil {
			t.Error(err)
		}
	})
}

// A service account logs in again with the key that is stored, and what it was given beyond its scopes is told.
func TestServiceAccountLogsInAgain(t *testing.T) {
	r := newRealRig(t, machines())
	r.start()
	r.tried("work", api.AccountDefinition{Grant: "service_account", Key: api.Confidential(r.robotKey()), Scopes: []string{"storage.read"}})
	r.server.Script(oauthtest.Token, oauthtest.Set("scope", "storage.read storage.write"))
	done := r.tried("work", api.AccountDefinition{})
	if want := []string{"granted though not asked for: storage.write"}; !slices.Equal(done.Warnings, want) {
		t.Errorf("got warnings %q, want %q", done.Warnings, want)
	}
	if c := r.store.credential(t, "work"); c.LoggedInAt.IsZero() || c.Key.IsZero() {
		t.Errorf("got it logged in at %v, with a key %t; want the time, and the key still", c.LoggedInAt, !c.Key.IsZero())
	}
}
