package daemon

import (
	"slices"
	"testing"
	"testing/synctest"

	"oauthd/daemon/oauthtest"
	"oauthd/ipc/api"
)

func TestScopeThatWasNotGranted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oauthtest.Config{})
		r.account("work", "openid", "calendar.read", "offline_access")
		r.start()
		_, err := r.ask(api.TokenRequest{Account: "work", Scope: "openid calendar.write email"})
		r.wants(err, api.ScopeNotGranted)
		if want := "oauthd login work --scope calendar.write --scope email"; err != nil && api.AsError(err).Hint != want {
			t.Errorf("got hint %q, want %q", api.AsError(err).Hint, want)
		}
		if r.posted() != nil {
			t.Errorf("got requests to %q, want none", r.posted())
		}
	})
}

// A provider of which nothing is known is asked for a narrower token once; what comes of that counts from then on.
func TestNarrowingIsTriedOnce(t *testing.T) {
	for _, tt := range []struct {
		name   string
		fault  oauthtest.Fault // of each refresh that names a scope
		scopes []string        // of the two tokens
		asked  int             // refreshes in all
	}{
		{"it narrows", nil, []string{"openid", "calendar.read"}, 3},
		{"it ignores the scope", oauthtest.Set("scope", "openid calendar.read offline_access"),
			[]string{"openid calendar.read offline_access", "openid calendar.read offline_access"}, 2},
		{"it refuses the scope", oauthtest.Error(400, "invalid_scope"),
			[]string{"openid calendar.read offline_access", "openid calendar.read offline_access"}, 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, oauthtest.Config{})
				r.account("work", "openid", "calendar.read", "offline_access")
				r.start()
				r.server.Script(oauthtest.Token, tt.fault)
				for i, scope := range []string{"openid", "calendar.read"} {
					tok, err := r.ask(api.TokenRequest{Account: "work", Scope: scope})
					if err != nil || tok.Scope != tt.scopes[i] {
						t.Errorf("%s: got scope %q, %v; want %q", scope, tok.Scope, err, tt.scopes[i])
					}
				}
				r.token()
				if n := r.refreshes(); n != tt.asked {
					t.Errorf("got %d refreshes, want %d", n, tt.asked)
				}
				if got := r.store.credential(t, "work").Scopes; len(got) != 3 {
					t.Errorf("recorded: got %q, want all three", got)
				}
			})
		})
	}
}

func TestNarrowedTokenNeverShrinksTheGrant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oauthtest.Config{})
		r.account("work", "openid", "email", "offline_access")
		r.start()
		// As the cache asks for an account whose provider can narrow.
		key := tokenKey("work", "openid")
		tok, err := r.d.mint.Mint(t.Context(), key)
		if err != nil || !slices.Equal(tok.Scopes, []string{"openid"}) {
			t.Fatalf("got scopes %q, %v; want the narrowed token", tok.Scopes, err)
		}
		r.server.Script(oauthtest.Token, oauthtest.Remove("scope"))
		tok, err = r.d.mint.Mint(t.Context(), key)
		if err != nil || !slices.Equal(tok.Scopes, []string{"openid"}) {
			t.Errorf("not said: got scopes %q, %v; want what was asked for", tok.Scopes, err)
		}
		want := []string{"openid", "email", "offline_access"}
		if got := r.store.credential(t, "work"); !slices.Equal(got.Scopes, want) || !r.server.Active(got.RefreshToken.Reveal()) {
			t.Errorf("recorded: got %q, want %q and the rotated refresh token", got.Scopes, want)
		}
		if got := r.shown("work").ScopesGranted; !slices.Equal(got, want) {
			t.Errorf("told: got %q, want %q", got, want)
		}
	})
}
