package daemon

import (
	"os"
	"testing"
	"testing/synctest"
	"time"

	"oauthd/daemon/account"
	"oauthd/daemon/config"
	"oauthd/daemon/oauthtest"
	"oauthd/ipc/api"
)

// logout logs work out and is not to fail.
func (r *rig) logout() api.LogoutResult {
	r.t.Helper()
	result, err := r.d.Logout(r.t.Context(), "work")
	if err != nil {
		r.t.Fatalf("logout: got %v, want nil", err)
	}
	r.tell(result)
	return result
}

// forgotten checks that nobody is logged in as work.
func (r *rig) forgotten() {
	r.t.Helper()
	if r.store.raw(r.t, "work") != "" {
		r.t.Error("the store has a record, want it forgotten")
	}
	before := len(r.posted())
	r.refused(api.LoginRequired)
	if got := r.posted()[before:]; len(got) != 0 {
		r.t.Errorf("got requests to %q, want none", got)
	}
	if a := r.shown("work"); a.State != api.StateLoginRequired || a.Email != "" || a.ExpiresAt != nil || a.Degraded {
		r.t.Errorf("got %+v, want login_required and nobody", a)
	}
}

func TestLogout(t *testing.T) {
	for _, tt := range []struct {
		name    string
		fault   oauthtest.Fault
		change  func(c *account.Credential)
		revoked bool
		posts   int
	}{
		{"revoked", nil, nil, true, 1},
		{"refused", oauthtest.Error(400, "unsupported_token_type"), nil, false, 1},
		{"out of reach", oauthtest.Reset(), nil, false, 1},
		{"out of order", oauthtest.Status(503), nil, false, 1},
		{"no answer", oauthtest.Hang(), nil, false, 1},
		{"dead before", nil, func(c *account.Credential) { c.Dead = true }, true, 1},
		{"no endpoint", nil, func(c *account.Credential) { c.RevocationEndpoint = "" }, false, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, oauthtest.Config{})
				r.account("work")
				if tt.change != nil {
					c := r.store.credential(t, "work")
					tt.change(&c)
					r.store.save(t, "work", c)
				}
				r.start()
				refreshToken := r.store.credential(t, "work").RefreshToken.Reveal()
				r.server.Script(oauthtest.Revoke, tt.fault)
				started := time.Now()
				result := r.logout()
				if result.Revoked != tt.revoked || (result.Detail == "") != tt.revoked {
					t.Errorf("got revoked %t, %q; want %t, and why where not", result.Revoked, result.Detail, tt.revoked)
				}
				if n := r.server.Requests(oauthtest.Revoke); n != tt.posts || len(r.posted()) != tt.posts {
					t.Errorf("got %d requests, %d of them for revocation; want %d", len(r.posted()), n, tt.posts)
				}
				if r.server.Active(refreshToken) == tt.revoked {
					t.Errorf("the refresh token is active: %t, want %t", !tt.revoked, tt.revoked)
				}
				if waited := time.Since(started); waited > 10*time.Second {
					t.Errorf("waited %v, want at most 10 s", waited)
				}
				r.forgotten()
				r.restart()
				r.forgotten()
				if got := r.logout(); got.Revoked || got.Detail == "" {
					t.Errorf("again: got %+v, want the reason why nothing was revoked", got)
				}
			})
		})
	}
}

func TestLogoutDropsTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oauthtest.Config{})
		r.account("work")
		r.start()
		r.token()
		if _, err := r.ask(api.TokenRequest{Account: "work", Resource: "https://api.example.com"}); err != nil {
			t.Fatal(err)
		}
		r.logout()
		if _, err := r.ask(api.TokenRequest{Account: "work", Resource: "https://api.example.com"}); err == nil {
			t.Error("got the resource's token after the logout")
		}
		r.forgotten()
		time.Sleep(2 * time.Hour)
		if n := r.refreshes(); n != 2 {
			t.Errorf("got %d refreshes, want none after the logout", n)
		}
	})
}

func TestLogoutWaitsForARefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oauthtest.Config{})
		r.account("work")
		r.start()
		hold := r.server.HoldAnswer(oauthtest.Token)
		asked := make(chan error, 1)
		go func() { _, err := r.ask(api.TokenRequest{Account: "work"}); asked <- err }()
		<-hold.Arrived
		out := make(chan api.LogoutResult, 1)
		go func() { out <- r.logout() }()
		synctest.Wait()
		if len(out) != 0 {
			t.Error("the logout did not wait for the refresh under way")
		}
		hold.Release()
		if got := <-out; !got.Revoked {
			t.Errorf("got %+v, want the rotated refresh token revoked", got)
		}
		<-asked // either the last token or login_required
		synctest.Wait()
		r.forgotten()
		if n := r.server.RefreshTokens(); n != 0 {
			t.Errorf("got %d active refresh tokens, want none", n)
		}
		r.restart()
		r.forgotten()
	})
}

func TestLogoutForgetsWhatTheStoreDidNotTake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oauthtest.Config{})
		r.account("work")
		r.start()
		r.store.failing("put", errFault)
		r.token()
		if got := r.logout(); !got.Revoked {
			t.Errorf("got %+v, want the newest refresh token revoked", got)
		}
		r.store.script(nil)
		time.Sleep(10 * time.Minute)
		r.forgotten()
	})
}

func TestLogoutWhenTheStoreDoesNotDelete(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oauthtest.Config{})
		r.account("work")
		r.start()
		r.store.failing("delete", errFault)
		_, err := r.d.Logout(t.Context(), "work")
		r.wants(err, api.KeystoreUnavailable)
		r.store.script(nil)
		r.logout()
		r.forgotten()
	})
}

func TestLogoutOfAnUnreadableRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oauthtest.Config{})
		r.account("work")
		if err := r.store.Memory.Put(t.Context(), "work", []byte("another program's")); err != nil {
			t.Fatal(err)
		}
		r.start()
		r.refused(api.Internal)
		if got := r.logout(); got.Revoked || got.Detail == "" {
			t.Errorf("got %+v, want the reason why nothing was revoked", got)
		}
		r.forgotten()
	})
}

func TestLogoutEndsALogin(t *testing.T) {
	t.Run("that waits", func(t *testing.T) {
		r := newRealRig(t, oauthtest.Config{})
		r.start()
		r.loggedIn("work", r.definition("openid"))
		l := r.begin("work", api.AccountDefinition{})
		l.url()
		r.logout()
		if err := <-l.ended; err == nil || api.AsError(err).Code != api.LoginSuperseded {
			t.Errorf("got %v, want login_superseded", err)
		}
		r.forgotten()
	})
	t.Run("whose code is spent", func(t *testing.T) {
		r := newRealRig(t, oauthtest.Config{})
		r.start()
		r.loggedIn("work", r.definition("openid"))
		hold := r.server.Hold(oauthtest.Token)
		l := r.begin("work", api.AccountDefinition{})
		ended := make(chan error, 1)
		go func() { ended <- l.decide(l.url(), oauthtest.Allow) }()
		await(t, "the exchange", hold.Arrived)
		r.logout()
		hold.Release()
		if err := <-ended; err == nil || api.AsError(err).Code != api.LoginSuperseded {
			t.Errorf("got %v, want login_superseded", err)
		}
		r.forgotten()
	})
}

func TestRemove(t *testing.T) {
	r := newRealRig(t, oauthtest.Config{})
	r.start()
	r.loggedIn("work", r.definition("openid"))
	result, err := r.d.Remove(t.Context(), "work")
	if err != nil || !result.Revoked {
		t.Errorf("got %+v, %v; want it revoked", result, err)
	}
	if _, err := os.Stat(config.AccountFile(r.dir, "work")); !os.IsNotExist(err) {
		t.Errorf("got %v, want the file gone", err)
	}
	r.nothingLeft("work")
	_, err = r.d.Remove(t.Context(), "work")
	r.wants(err, api.UnknownAccount)
	_, err = r.d.Logout(t.Context(), "work")
	r.wants(err, api.UnknownAccount)
}
