package daemon

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"oauthd/daemon/config"
	"oauthd/daemon/oauthtest"
	"oauthd/ipc/api"
	"oauthd/keystore"
)

func TestLoginThatFailsLeavesNothing(t *testing.T) {
	for _, tt := range []struct {
		name     string
		endpoint oauthtest.Endpoint
		fault    func(s *oauthtest.Server) oauthtest.Fault
		decision string
		want     api.Code
	}{
		{"denied", oauthtest.Authorize, func(s *oauthtest.Server) oauthtest.Fault { s.DenyNext(); return nil }, oauthtest.Deny, api.LoginDenied},
		{"answer of another issuer", oauthtest.Authorize, func(*oauthtest.Server) oauthtest.Fault {
			return oauthtest.AlterRedirect(func(p url.Values) { p.Set("iss", "https://other.example.com") })
		}, oauthtest.Allow, api.LoginFailed},
		{"answer without the issuer", oauthtest.Authorize, func(*oauthtest.Server) oauthtest.Fault {
			return oauthtest.AlterRedirect(func(p url.Values) { p.Del("iss") })
		}, oauthtest.Allow, api.LoginFailed},
		{"neither code nor error", oauthtest.Authorize, func(*oauthtest.Server) oauthtest.Fault {
			return oauthtest.AlterRedirect(func(p url.Values) { p.Del("code") })
		}, oauthtest.Allow, api.LoginFailed},
		{"code refused", oauthtest.Token, func(*oauthtest.Server) oauthtest.Fault { return oauthtest.Error(400, "invalid_grant") }, oauthtest.Allow, api.LoginFailed},
		{"code of another", oauthtest.Authorize, func(*oauthtest.Server) oauthtest.Fault {
			return oauthtest.AlterRedirect(func(p url.Values) { p.Set("code", "ac-injected") })
		}, oauthtest.Allow, api.LoginFailed},
		{"client refused", oauthtest.Token, func(*oauthtest.Server) oauthtest.Fault { return oauthtest.Error(401, "invalid_client") }, oauthtest.Allow, api.ProviderRejected},
		{"exchange out of reach", oauthtest.Token, func(*oauthtest.Server) oauthtest.Fault { return oauthtest.Reset() }, oauthtest.Allow, api.ProviderUnreachable},
		{"exchange answered by a portal", oauthtest.Token, func(*oauthtest.Server) oauthtest.Fault { return oauthtest.HTML(200) }, oauthtest.Allow, api.ProviderUnreachable},
		{"exchange answered by half", oauthtest.Token, func(*oauthtest.Server) oauthtest.Fault { return oauthtest.Remove("access_token") }, oauthtest.Allow, api.LoginFailed},
		{"ID token of another nonce", oauthtest.Token, func(s *oauthtest.Server) oauthtest.Fault { return s.SetClaim("nonce", "other") }, oauthtest.Allow, api.LoginFailed},
		{"ID token without the nonce", oauthtest.Token, func(s *oauthtest.Server) oauthtest.Fault { return s.SetClaim("nonce", nil) }, oauthtest.Allow, api.LoginFailed},
		{"ID token for another client", oauthtest.Token, func(s *oauthtest.Server) oauthtest.Fault { return s.SetClaim("aud", "web") }, oauthtest.Allow, api.LoginFailed},
		{"ID token of another issuer", oauthtest.Token, func(s *oauthtest.Server) oauthtest.Fault { return s.SetClaim("iss", "https://other.example.com") }, oauthtest.Allow, api.LoginFailed},
		{"ID token that has expired", oauthtest.Token, func(s *oauthtest.Server) oauthtest.Fault { return s.SetClaim("exp", 946684800) }, oauthtest.Allow, api.LoginFailed},
		{"ID token without a subject", oauthtest.Token, func(s *oauthtest.Server) oauthtest.Fault { return s.SetClaim("sub", nil) }, oauthtest.Allow, api.LoginFailed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, known := range []bool{false, true} {
				t.Run(fmt.Sprintf("known %t", known), func(t *testing.T) {
					r := newRealRig(t, oauthtest.Config{})
					r.start()
					var first api.Token
					if known {
						r.loggedIn("work", r.definition("openid"))
						first = r.token()
					}
					before := r.snapshot("work")
					if fault := tt.fault(r.server.Server); fault != nil {
						r.server.Script(tt.endpoint, fault)
					}
					l := r.begin("work", r.definition("openid", "email"))
					r.wants(l.decide(l.url(), tt.decision), tt.want)
					if got := l.last().Event; got != api.EventAuthorize {
						t.Errorf("got last event %q, want %q: the error is Login's", got, api.EventAuthorize)
					}
					if !known {
						r.nothingLeft("work")
						return
					}
					r.unchanged("work", before)
					if got := r.token(); got.AccessToken != first.AccessToken {
						t.Error("got another token than before the login")
					}
				})
			}
		})
	}
}

func TestStoreIsProbedBeforeAnybodyIsAsked(t *testing.T) {
	for name, tt := range map[string]struct {
		fault error
		want  api.Code
	}{
		"unavailable": {keystore.ErrUnavailable, api.KeystoreUnavailable},
		"locked":      {keystore.ErrLocked, api.KeystoreLocked},
		"full":        {keystore.ErrFull, api.KeystoreFull},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRealRig(t, oauthtest.Config{})
			r.start()
			r.store.script(func(_ context.Context, op, _ string) error {
				if op == "put" {
					return fmt.Errorf("x: %w", tt.fault)
				}
				return nil
			})
			l := r.begin("work", r.definition("openid"))
			if url := l.url(); url != "" {
				t.Error("got an authorization URL, want none before the store has answered")
			}
			r.wants(<-l.ended, tt.want)
			r.store.script(nil)
			r.nothingLeft("work")
			if n := r.server.Requests(oauthtest.Discovery); n != 0 {
				t.Errorf("got %d requests for discovery, want the store asked first", n)
			}
		})
	}
}

func TestStoreFailsAtTheEndOfALogin(t *testing.T) {
	for _, tt := range []struct {
		name  string
		known bool
		after bool // the store has kept the record and says it has not
	}{
		{"new account", false, false}, {"known account", true, false},
		{"new account, kept all the same", false, true}, {"known account, kept all the same", true, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRealRig(t, oauthtest.Config{})
			r.start()
			if tt.known {
				r.loggedIn("work", r.definition("openid"))
			}
			before := r.store.credential(t, "work")
			failed := false
			fail := func(_ context.Context, op, name string) error {
				if op == "put" && name == "work" && !failed {
					failed = true
					return keystore.ErrUnavailable
				}
				return nil
			}
			r.store.mu.Lock()
			if tt.after {
				r.store.after = fail
			} else {
				r.store.before = fail
			}
			r.store.mu.Unlock()
			_, err := r.login("work", r.definition("openid", "email"))
			r.wants(err, api.KeystoreUnavailable)
			if !tt.known {
				r.nothingLeft("work")
				return
			}
			if got := r.store.credential(t, "work"); !got.RefreshToken.Equal(before.RefreshToken) {
				t.Error("the store has the failed login's refresh token, want what it had")
			}
			r.restart()
			r.token()
		})
	}
}

func TestAccountFileThatCannotBeWritten(t *testing.T) {
	for _, tt := range []struct {
		name           string
		known, rotated bool
	}{{"new account", false, false}, {"known account", true, false}, {"known account, refreshed meanwhile", true, true}} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRealRig(t, oauthtest.Config{})
			r.start()
			if tt.known {
				r.loggedIn("work", r.definition("openid"))
			}
			l := r.begin("work", r.definition("openid", "email"))
			url := l.url()
			if tt.rotated {
				if _, err := r.ask(api.TokenRequest{Account: "work", Force: true}); err != nil {
					t.Fatal(err)
				}
			}
			before := r.store.credential(t, "work")
			file := config.AccountFile(r.dir, "work")
			_ = os.Remove(file)
			r.write("accounts/work.toml/in-the-way", "")
			r.wants(l.decide(url, oauthtest.Allow), api.ConfigInvalid)
			if err := os.RemoveAll(file); err != nil {
				t.Fatal(err)
			}
			if !tt.known {
				r.nothingLeft("work")
				return
			}
			after := r.store.credential(t, "work")
			if !after.RefreshToken.Equal(before.RefreshToken) {
				t.Error("the store has another refresh token, want what it had")
			}
			if !r.server.Active(after.RefreshToken.Reveal()) {
				t.Error("the store has a spent refresh token")
			}
		})
	}
}

func TestAnotherPerson(t *testing.T) {
	r := newRealRig(t, oauthtest.Config{})
	r.start()
	r.loggedIn("work", r.definition("openid", "email"))
	before := r.snapshot("work")
	r.server.SetUser(oauthtest.User{Subject: "bob", Email: "bob@example.com"})
	_, err := r.login("work", api.AccountDefinition{})
	r.wants(err, api.SubjectMismatch)
	if err != nil && (!strings.Contains(err.Error(), "ada@example.com") || !strings.Contains(err.Error(), "bob@example.com")) {
		t.Errorf("got %v, want both people named", err)
	}
	r.unchanged("work", before)
	if got := r.shown("work").Email; got != "ada@example.com" {
		t.Errorf("got %s, want ada@example.com still", got)
	}

	done := r.loggedIn("work", api.AccountDefinition{Force: true})
	if done.Email != "bob@example.com" || r.shown("work").Subject != "bob" {
		t.Errorf("got %s, want the other person by force", done.Email)
	}
}

func TestSecondLoginEndsTheFirst(t *testing.T) {
	r := newRealRig(t, oauthtest.Config{})
	r.start()
	first := r.begin("work", r.definition("openid"))
	firstURL := first.url()
	other := r.begin("home", r.definition("openid"))
	otherURL := other.url()
	second := r.begin("work", r.definition("openid"))
	secondURL := second.url()
	if err := <-first.ended; err == nil || api.AsError(err).Code != api.LoginSuperseded {
		t.Errorf("the first: got %v, want login_superseded", err)
	}
	page, err := oauthtest.Follow(t.Context(), nil, firstURL, oauthtest.Allow)
	if err != nil || !strings.Contains(page.Body, "Another login took over") || !strings.Contains(page.Body, "was not used") {
		t.Errorf("agreeing to the first all the same: got %v, want a page that says it was not used", err)
	}
	if err := second.decide(secondURL, oauthtest.Allow); err != nil {
		t.Errorf("the second: got %v, want done", err)
	}
	if err := other.decide(otherURL, oauthtest.Allow); err != nil {
		t.Errorf("the other account's: got %v, want done", err)
	}
}

func TestLoginThatGoesAway(t *testing.T) {
	t.Run("before the response", func(t *testing.T) {
		r := newRealRig(t, oauthtest.Config{})
		r.start()
		l := r.begin("work", r.definition("openid"))
		l.url()
		l.cancel()
		r.wants(<-l.ended, api.LoginFailed)
		r.nothingLeft("work")
	})
	t.Run("after the response", func(t *testing.T) {
		r := newRealRig(t, oauthtest.Config{})
		r.start()
		hold := r.server.Hold(oauthtest.Token)
		l := r.begin("work", r.definition("openid"))
		ended := make(chan error, 1)
		go func() { ended <- l.decide(l.url(), oauthtest.Allow) }()
		await(t, "the exchange", hold.Arrived)
		l.cancel()
		hold.Release()
		if err := <-ended; err != nil {
			t.Errorf("got %v, want it carried through: the code is spent", err)
		}
		r.token()
	})
	t.Run("time is over", func(t *testing.T) {
		r := newRealRig(t, oauthtest.Config{})
		r.start()
		def := r.definition("openid")
		def.Timeout = 1
		l := r.begin("work", def)
		started := time.Now()
		l.url()
		r.wants(<-l.ended, api.LoginTimeout)
		if waited := time.Since(started); waited < time.Second/2 {
			t.Errorf("waited %v, want a second", waited)
		}
		r.nothingLeft("work")
	})
}
