package daemon

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"oauthd/daemon/oauthtest"
	"oauthd/ipc/api"
)

// A provider that leaves scopes out of a token whose refresh names none is asked once more, by name, and so from then on.
func TestScopesAreNamedOnceARefreshShrank(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oauthtest.Config{})
		all := []string{"openid", "calendar.read", "offline_access"}
		r.account("work", all...)
		r.start()
		r.server.Script(oauthtest.Token, oauthtest.Set("scope", "openid offline_access"))
		if tok := r.token(); tok.Scope != strings.Join(all, " ") || r.refreshes() != 2 {
			t.Errorf("got scope %q after %d refreshes, want all after 2", tok.Scope, r.refreshes())
		}
		c := r.store.credential(t, "work")
		if !c.SendScope || c.LoginScopes != nil || !slices.Equal(c.Scopes, all) {
			t.Errorf("got %q, of the login %q, named %t; want all, named", c.Scopes, c.LoginScopes, c.SendScope)
		}
		if _, err := r.ask(api.TokenRequest{Account: "work", Force: true}); err != nil || r.refreshes() != 3 {
			t.Errorf("got %v after %d refreshes, want a token from one more", err, r.refreshes())
		}
		if a := r.shown("work"); a.ScopesLost != nil {
			t.Errorf("got %q lost, want none", a.ScopesLost)
		}
	})
}

// A grant that shrank for good is shown as such, and told apart from one that never had the scope.
func TestGrantThatShrankIsShown(t *testing.T) {
	for name, second := range map[string]oauthtest.Fault{
		"named scopes are ignored": oauthtest.Set("scope", "openid offline_access"),
		"named scopes are refused": oauthtest.Error(400, "invalid_scope"),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, oauthtest.Config{})
				r.account("work", "openid", "calendar.read", "offline_access")
				r.start()
				fewer := oauthtest.Set("scope", "openid offline_access")
				r.server.Script(oauthtest.Token, fewer, second)
				if tok := r.token(); tok.Scope != "openid offline_access" {
					t.Errorf("got scope %q, want what the provider gives", tok.Scope)
				}
				for range 2 {
					r.server.Script(oauthtest.Token, fewer)
					n := r.refreshes()
					if _, err := r.ask(api.TokenRequest{Account: "work", Force: true}); err != nil || r.refreshes() != n+1 {
						t.Errorf("got %v after %d more refreshes, want a token after 1", err, r.refreshes()-n)
					}
					a := r.shown("work")
					if !slices.Equal(a.ScopesLost, []string{"calendar.read"}) || !slices.Equal(a.ScopesGranted, []string{"openid", "offline_access"}) {
						t.Errorf("got granted %q, lost %q; want calendar.read lost", a.ScopesGranted, a.ScopesLost)
					}
					r.restart()
				}
				_, err := r.ask(api.TokenRequest{Account: "work", Scope: "calendar.read"})
				r.wants(err, api.ScopeNotGranted)
				if err != nil && !strings.Contains(err.Error(), "at the login") {
					t.Errorf("got %v, want it told apart from a scope that was never granted", err)
				}
				_, err = r.ask(api.TokenRequest{Account: "work", Scope: "mail"})
				r.wants(err, api.ScopeNotGranted)
				if err != nil && strings.Contains(err.Error(), "at the login") {
					t.Errorf("never granted: got %v", err)
				}
			})
		})
	}
}

// A login that ended is tried once more if a person asks for it, at most once a minute.
func TestEndedLoginIsTriedAgainByForce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oauthtest.Config{})
		r.account("work")
		r.start()
		forced := api.TokenRequest{Account: "work", Force: true}
		r.server.Script(oauthtest.Token, oauthtest.Error(400, "invalid_grant"), oauthtest.Error(400, "invalid_grant"))
		r.refused(api.LoginRequired)
		ended := r.store.credential(t, "work").EndedAt
		if r.refused(api.LoginRequired); r.refreshes() != 1 {
			t.Errorf("got %d refreshes, want no other without --force", r.refreshes())
		}
		for _, want := range []int{2, 2} {
			_, err := r.ask(forced)
			r.wants(err, api.LoginRequired)
			if n := r.refreshes(); n != want {
				t.Errorf("got %d refreshes, want %d: one try a minute", n, want)
			}
		}
		if c := r.store.credential(t, "work"); !c.Dead || !c.EndedAt.Equal(ended) || ended.IsZero() {
			t.Errorf("got dead %t since %v, want it ended since %v", c.Dead, c.EndedAt, ended)
		}
		time.Sleep(time.Minute)
		if _, err := r.ask(forced); err != nil {
			t.Errorf("got %v, want a token", err)
		}
		if c := r.store.credential(t, "work"); c.Dead || !c.EndedAt.IsZero() {
			t.Errorf("got dead %t since %v, want the login back", c.Dead, c.EndedAt)
		}
		r.token()
	})
}

// How long a login lasted is remembered, and the next one is forecast to last no longer.
func TestLoginsAreForecastByEarlierOnes(t *testing.T) {
	r := newRealRig(t, oauthtest.Config{})
	r.start()
	def := r.definition("openid", "offline_access")
	r.loggedIn("work", def)
	if a := r.shown("work"); a.LoginEndsAt != nil {
		t.Errorf("got an end at %v after one login, want none", a.LoginEndsAt)
	}
	yesterday := r.store.credential(t, "work")
	yesterday.LoggedInAt = yesterday.LoggedInAt.Add(-24 * time.Hour)
	r.store.save(t, "work", yesterday)
	r.restart()
	r.server.Script(oauthtest.Token, oauthtest.Error(400, "invalid_grant"))
	_, err := r.ask(api.TokenRequest{Account: "work", Force: true})
	r.wants(err, api.LoginRequired)
	r.loggedIn("work", api.AccountDefinition{})
	c := r.store.credential(t, "work")
	if len(c.Lasted) != 1 || c.Lasted[0].Round(time.Minute) != 24*time.Hour {
		t.Fatalf("got %v, want one login of a day", c.Lasted)
	}
	a := r.shown("work")
	if a.LoginEndsAt == nil || !a.LoginEndsAt.Equal(c.LoggedInAt.Add(c.Lasted[0])) || !strings.Contains(a.LoginEndsReason, "24 hours") {
		t.Errorf("got %v, %q; want a day after the login", a.LoginEndsAt, a.LoginEndsReason)
	}
	r.jump(25 * time.Hour)
	if a := r.shown("work"); a.LoginEndsAt != nil {
		t.Errorf("got an end at %v for a login that has outlived the earlier ones", a.LoginEndsAt)
	}
}

// A credential that vanished from the store is told apart from a logout, over restarts too.
func TestVanishedCredential(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oauthtest.Config{})
		r.state = t.TempDir()
		r.account("work")
		r.start()
		r.token()
		if err := r.store.Memory.Delete(t.Context(), "work"); err != nil {
			t.Fatal(err)
		}
		r.restart()
		since := time.Now().Truncate(time.Second)
		for range 2 {
			a := r.shown("work")
			if a.State != api.StateLoginRequired || a.MissingSince == nil || !a.MissingSince.Equal(since) || a.LastError == nil ||
				!strings.Contains(a.LastError.Message, "missing") {
				t.Errorf("got %s since %v, %v; want it missing since %v", a.State, a.MissingSince, a.LastError, since)
			}
			time.Sleep(time.Hour)
			r.restart()
		}
		if e := r.refused(api.LoginRequired); !strings.Contains(e.Message, "missing") {
			t.Errorf("token: got %q, want it missing", e.Message)
		}
		r.store.save(t, "work", r.authorize("openid", "offline_access"))
		r.token()
		if a := r.shown("work"); a.MissingSince != nil || a.State != api.StateReady {
			t.Errorf("got %s, missing since %v, once it is back; want ready", a.State, a.MissingSince)
		}
		r.logout()
		r.restart()
		if a := r.shown("work"); a.MissingSince != nil || a.State != api.StateLoginRequired {
			t.Errorf("got %s, missing since %v, after a logout; want no more than a login needed", a.State, a.MissingSince)
		}
	})
}
