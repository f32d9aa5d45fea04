package daemon

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"oauthd/daemon/account"
	"oauthd/daemon/book"
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

func TestNarrow(t *testing.T) {
	const calendar, mail = "https://www.googleapis.com/auth/calendar", "https://mail.google.com/"
	for _, tt := range []struct {
		name             string
		account          account.Account
		granted          []string
		wanted           string
		want             string
		missing          string
		loggedOut, ended bool
		code             api.Code
	}{
		{name: "all of it", account: account.Account{Provider: "google"}, granted: []string{calendar, mail}, wanted: mail + " " + calendar},
		{name: "some of it, sorted", account: account.Account{Provider: "google"}, granted: []string{calendar, mail, "openid"},
			wanted: "openid " + mail + " openid", want: mail + " openid"},
		{name: "by another name", account: account.Account{Provider: "google"},
			granted: []string{"https://www.googleapis.com/auth/userinfo.email", mail}, wanted: "email", want: "email"},
		{name: "not granted", account: account.Account{Provider: "google"}, granted: []string{mail}, wanted: mail + " " + calendar,
			code: api.ScopeNotGranted, missing: calendar},
		{name: "never said, so as asked for", account: account.Account{Provider: "google", Scopes: []string{mail, calendar}}, wanted: mail, want: mail},
		{name: "never said, and not asked for", account: account.Account{Provider: "google", Scopes: []string{mail}}, wanted: calendar,
			code: api.ScopeNotGranted, missing: calendar},
		{name: "nothing granted", account: account.Account{Provider: "google", Scopes: []string{mail}}, granted: []string{}, wanted: mail,
			code: api.ScopeNotGranted, missing: mail},
		{name: "case and resource do not count at Microsoft", account: account.Account{Provider: "microsoft"},
			granted: []string{"https://graph.microsoft.com/Mail.Read", "https://graph.microsoft.com/Files.Read"}, wanted: "mail.read", want: "mail.read"},
		{name: "wider scope at GitHub", account: account.Account{Provider: "github"}, granted: []string{"repo", "user"}, wanted: "public_repo"},
		{name: "GitLab cannot narrow without harm", account: account.Account{Provider: "gitlab"}, granted: []string{"openid", "email"}, wanted: "openid"},
		{name: "an issuer nobody knows is tried", account: account.Account{Issuer: "https://login.example.com"}, granted: []string{"a", "b"},
			wanted: "a", want: "a"},
		{name: "nobody logged in", account: account.Account{Provider: "google"}, loggedOut: true, wanted: mail, code: api.LoginRequired},
		{name: "login ended", account: account.Account{Provider: "google"}, granted: []string{mail}, ended: true, wanted: mail, code: api.LoginRequired},
		{name: "no such provider", account: account.Account{Provider: "corp"}, granted: []string{mail}, wanted: mail, code: api.UnknownProvider},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRealRig(t, oauthtest.Config{})
			r.start()
			tt.account.Name = "work"
			r.d.book.Stored(account.Account{Name: "work"}, book.Facts{Scopes: tt.granted, LoggedIn: !tt.loggedOut, Dead: tt.ended})
			got, err := r.d.narrow(t.Context(), tt.account, strings.Fields(tt.wanted))
			if tt.code != "" {
				r.wants(err, tt.code)
				if err != nil && !strings.Contains(err.Error(), tt.missing) {
					t.Errorf("got %v, want %s named", err, tt.missing)
				}
				return
			}
			if err != nil || got.String() != tt.want {
				t.Errorf("got %q, %v; want %q", got, err, tt.want)
			}
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
