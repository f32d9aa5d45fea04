package daemon

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"oauthd/daemon/account"
	"oauthd/daemon/oauthtest"
	"oauthd/ipc/api"
	"oauthd/keystore"
)

var errFault = errors.New("scripted fault")

func TestSavedBeforeServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oauthtest.Config{})
		r.account("work")
		r.start()
		old := r.store.credential(t, "work")
		arrived, release := make(chan struct{}), make(chan struct{})
		r.store.script(func(_ context.Context, op, _ string) error {
			if op == "put" {
				close(arrived)
				<-release
			}
			return nil
		})
		served := make(chan error, 10)
		for range cap(served) {
			go func() { _, err := r.ask(api.TokenRequest{Account: "work"}); served <- err }()
		}
		<-arrived
		synctest.Wait()
		if len(served) != 0 || r.refreshes() != 1 {
			t.Errorf("got %d callers served before the store had the new refresh token (%d requests), want none and 1", len(served), r.refreshes())
		}
		close(release)
		for range cap(served) {
			if err := <-served; err != nil {
				t.Errorf("got %v, want a token", err)
			}
		}
		c := r.store.credential(t, "work")
		if c.RefreshToken.Equal(old.RefreshToken) || !r.server.Active(c.RefreshToken.Reveal()) || c.Generation != old.Generation+1 {
			t.Errorf("got generation %d after %d, want the rotated refresh token kept", c.Generation, old.Generation)
		}
	})
}

func TestStoreFailsAfterRotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oauthtest.Config{})
		r.account("work")
		r.start()
		r.store.failing("put", errFault)
		first := r.token()
		if a := r.shown("work"); !a.Degraded || a.State != api.StateReady {
			t.Errorf("got degraded %t, state %s; want true and ready", a.Degraded, a.State)
		}
		if r.server.Active(r.store.credential(t, "work").RefreshToken.Reveal()) {
			t.Error("the store has the new refresh token, want the test's fault to have kept it out")
		}

		// The old one is spent: sending it would end the whole grant.
		second, err := r.ask(api.TokenRequest{Account: "work", Force: true})
		if err != nil || second.AccessToken == first.AccessToken || r.server.RefreshTokens() != 1 {
			t.Fatalf("forced: got %v, %d active refresh tokens; want another token by the newest one", err, r.server.RefreshTokens())
		}
		tries := r.store.times("put")
		time.Sleep(5 * time.Minute)
		if r.store.times("put") <= tries {
			t.Error("the save was not tried again")
		}
		r.store.script(nil)
		time.Sleep(time.Minute)
		synctest.Wait()
		if a := r.shown("work"); a.Degraded {
			t.Error("got degraded once the store takes it, want it settled")
		}
		if !r.server.Active(r.store.credential(t, "work").RefreshToken.Reveal()) {
			t.Error("the store has a spent refresh token")
		}
		r.restart()
		r.token()
	})
}

func TestUnsavedCredentialAtTheEnd(t *testing.T) {
	for _, tt := range []struct {
		name    string
		working bool
	}{{"the store takes it", true}, {"the store does not", false}} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, oauthtest.Config{})
				r.account("work")
				r.start()
				r.store.failing("put", errFault)
				r.token()
				synctest.Wait()
				if tt.working {
					r.store.script(nil)
				}
				err := r.stop()
				r.stop = nil
				active := r.server.Active(r.store.credential(t, "work").RefreshToken.Reveal())
				if tt.working && (err != nil || !active) {
					t.Errorf("got %v, saved %t; want it saved before Run returns", err, active)
				}
				if !tt.working && !errors.Is(err, errFault) {
					t.Errorf("got %v, want the loss told", err)
				}
			})
		})
	}
}

func TestNothingIsSpentBeforeTheStoreAnswers(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fault error
		want  api.Code
		state api.State
	}{
		{"unavailable", fmt.Errorf("x: %w", keystore.ErrUnavailable), api.KeystoreUnavailable, api.StateError},
		{"locked", fmt.Errorf("x: %w", keystore.ErrLocked), api.KeystoreLocked, api.StateLocked},
		{"damaged", fmt.Errorf("x: %w", keystore.ErrDamaged), api.Internal, api.StateError},
		{"in a way of its own", errFault, api.KeystoreUnavailable, api.StateError},
		{"too slow", context.DeadlineExceeded, api.KeystoreUnavailable, api.StateError},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, oauthtest.Config{})
				r.account("work")
				r.start()
				r.store.failing("get", tt.fault)
				r.refused(tt.want)
				if got := r.posted(); got != nil {
					t.Errorf("got requests to %q, want none", got)
				}
				if a := r.shown("work"); a.State != tt.state || a.LastError == nil || a.LastError.Code != tt.want {
					t.Errorf("got state %s, last error %v; want %s and %s", a.State, a.LastError, tt.state, tt.want)
				}
				r.store.script(nil)
				time.Sleep(time.Second) // a slow store is backed off from
				r.token()
				if a := r.shown("work"); a.State != api.StateReady {
					t.Errorf("got state %s once the store answers, want ready", a.State)
				}
			})
		})
	}
}

func TestRefreshTokenOfAMalformedAnswerIsKept(t *testing.T) {
	for name, tt := range map[string]struct {
		fault oauthtest.Fault
		want  api.Code
	}{
		"access_token": {oauthtest.Remove("access_token"), api.ProviderRejected},
		"token_type":   {oauthtest.Set("token_type", "mac"), api.ProviderRejected},
		"id_token":     {oauthtest.Set("id_token", []int{1}), api.ProviderRejected},
		"more behind": {
			oauthtest.Alter(func(body []byte) []byte { return append(body, "<!-- proxy -->"...) }), api.ProviderUnreachable,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, oauthtest.Config{})
				r.account("work")
				r.start()
				r.server.Script(oauthtest.Token, tt.fault, tt.fault)
				r.refused(tt.want)
				if !r.server.Active(r.store.credential(t, "work").RefreshToken.Reveal()) {
					t.Error("the store has the spent refresh token, want the new one")
				}
				r.restart()
				r.token()
			})
		})
	}
}

// An answer that brought a new refresh token and nothing else of use is asked for once more, with the new one.
func TestMalformedAnswerThatRotatedIsAskedForAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oauthtest.Config{})
		r.account("work")
		r.start()
		r.server.Script(oauthtest.Token, oauthtest.Remove("access_token"))
		r.token()
		if n := r.refreshes(); n != 2 {
			t.Errorf("got %d refreshes, want the malformed one and one more", n)
		}
		if !r.server.Active(r.store.credential(t, "work").RefreshToken.Reveal()) {
			t.Error("the store has a spent refresh token, want the newest")
		}
	})
}

func TestRefreshTokenStaysWhereNoneComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oauthtest.Config{KeepRefreshTokens: true})
		r.account("work")
		r.start()
		before := r.store.raw(t, "work")
		r.token()
		if _, err := r.ask(api.TokenRequest{Account: "work", Force: true}); err != nil {
			t.Errorf("got %v, want the refresh token to work again", err)
		}
		if r.store.raw(t, "work") != before || r.store.times("put") != 0 {
			t.Errorf("got %d puts, want the record left alone", r.store.times("put"))
		}
	})
}

func TestGrantedScopesAreRecorded(t *testing.T) {
	for _, tt := range []struct {
		name    string
		fault   oauthtest.Fault
		request api.TokenRequest
		token   string
		want    []string
	}{
		{"not said", oauthtest.Remove("scope"), api.TokenRequest{}, "openid calendar.read offline_access",
			[]string{"openid", "calendar.read", "offline_access"}},
		{"of a resource's token", oauthtest.Set("scope", "openid"), api.TokenRequest{Resource: "https://api.example.com"}, "openid",
			[]string{"openid", "calendar.read", "offline_access"}},
		{"of an audience's token", oauthtest.Set("scope", "openid"), api.TokenRequest{Audience: "api"}, "openid",
			[]string{"openid", "calendar.read", "offline_access"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, oauthtest.Config{})
				r.account("work", "openid", "calendar.read", "offline_access")
				r.start()
				r.server.Script(oauthtest.Token, tt.fault)
				tt.request.Account = "work"
				tok, err := r.ask(tt.request)
				if err != nil || tok.Scope != tt.token {
					t.Errorf("got scope %q, %v; want %q", tok.Scope, err, tt.token)
				}
				if got := r.store.credential(t, "work").Scopes; !slices.Equal(got, tt.want) {
					t.Errorf("recorded: got %q, want %q", got, tt.want)
				}
				if got := r.shown("work").ScopesGranted; !slices.Equal(got, tt.want) {
					t.Errorf("told: got %q, want %q", got, tt.want)
				}
			})
		})
	}
}

func TestRefreshTokenGoesOnlyWhereItCameFrom(t *testing.T) {
	const elsewhere = "http://127.0.0.1/elsewhere"
	for _, tt := range []struct {
		name   string
		record func(c *account.Credential)
		toml   string
		fault  oauthtest.Fault // of the discovery document
	}{
		{name: "record of another issuer", record: func(c *account.Credential) { c.Issuer = elsewhere }},
		{name: "record of another token endpoint", record: func(c *account.Credential) { c.TokenEndpoint = elsewhere }},
		{name: "record of another client", record: func(c *account.Credential) { c.ClientID = "web" }},
		{name: "another issuer configured", toml: "issuer = \"http://127.0.0.1/tenant\"\nclient_id = \"app\"\n"},
		{name: "another client configured", toml: "issuer = \"http://127.0.0.1\"\nclient_id = \"web\"\n"},
		{name: "another token endpoint configured", toml: "issuer = \"http://127.0.0.1\"\nclient_id = \"app\"\n" +
			"authorization_endpoint = \"http://127.0.0.1/authorize\"\ntoken_endpoint = \"" + elsewhere + "\"\n"},
		{name: "a built-in provider configured", toml: "provider = \"google\"\nclient_id = \"app\"\n"},
		{name: "another token endpoint discovered", fault: oauthtest.Set("token_endpoint", elsewhere)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, oauthtest.Config{})
				r.account("work")
				if tt.record != nil {
					c := r.store.credential(t, "work")
					tt.record(&c)
					r.store.save(t, "work", c)
				}
				if tt.toml != "" {
					r.write("accounts/work.toml", tt.toml)
				}
				if tt.fault != nil {
					r.server.Always(oauthtest.Discovery, tt.fault)
				}
				before := r.store.raw(t, "work")
				r.start()
				r.refused(api.LoginRequired)
				if _, err := r.ask(api.TokenRequest{Account: "work", Force: true}); err == nil {
					t.Error("forced: got a token, want none")
				}
				if got := r.posted(); got != nil {
					t.Errorf("got requests to %q, want none at either endpoint", got)
				}
				if r.store.raw(t, "work") != before {
					t.Error("the record was changed, want it kept")
				}
				if a := r.shown("work"); a.State != api.StateLoginRequired || a.LastError == nil || a.LastError.Code != api.LoginRequired {
					t.Errorf("got state %s, last error %v; want login_required with its reason", a.State, a.LastError)
				}
			})
		})
	}
}

func TestRecordStandsForAnIssuerThatDoesNotAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oauthtest.Config{})
		r.account("work")
		r.server.Always(oauthtest.Discovery, oauthtest.Status(503))
		r.start()
		r.token()
		if want := []string{r.server.Issuer() + "/token"}; !slices.Equal(r.posted(), want) {
			t.Errorf("got requests to %q, want %q", r.posted(), want)
		}
	})
}
