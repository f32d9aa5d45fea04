package login

import (
	"reflect"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"oauthd/daemon/account"
	"oauthd/daemon/grant"
	"oauthd/daemon/provider"
	"oauthd/daemon/token"
	"oauthd/ipc/api"
)

// obtained is what a login at corp has brought; a test changes it.
func obtained() Outcome {
	o := Outcome{
		Account: account.Account{
			Name: "work", Provider: "corp", ClientID: "app", Grant: account.GrantAuthorizationCode, Managed: true, Scopes: []string{"a", "b"},
		},
		Provider:    provider.Provider{Name: "corp"},
		Auth:        grant.ClientAuth{ID: "app", Method: provider.AuthPrivateKeyJWT, Secret: account.NewSecret("fake-secret")},
		Key:         account.NewSecret("fake-key"),
		Asked:       []string{"a", "b"},
		RedirectURI: "http://127.0.0.1:8400/callback",
		Response: grant.Response{
			Token:        account.Token{Access: account.NewSecret("fake-access-token"), Type: "Bearer", Scopes: []string{"a", "c"}},
			RefreshToken: account.NewSecret("fake-refresh-token"),
			Warnings:     []string{"something was odd"},
		},
	}
	o.Provider.Endpoints = account.Endpoints{Token: "https://login.example.com/token", Revocation: "https://login.example.com/revoke"}
	return o
}

// finished runs the end of a login, and returns the event, the record, and the token that was handed on.
func finished(t *testing.T, o Outcome) (done api.LoginEvent, c account.Credential, tok account.Token) {
	t.Helper()
	w := &witness{t: t, provider: o.Provider}
	l := w.logins()
	l.minted = func(_ token.Key, minted account.Token) { tok = minted }
	ctx, slot, err := l.Begin(t.Context(), "work")
	if err != nil {
		t.Fatal(err)
	}
	defer slot.End()
	if done, err = l.Finish(ctx, slot, o); err != nil {
		t.Fatalf("got %v, want the login done", err)
	}
	if c, err = l.vault.Load(ctx, "work"); err != nil {
		t.Fatal(err)
	}
	return done, c, tok
}

// TestWhatALoginLeaves checks the record and the event of a login.
func TestWhatALoginLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now().UTC()
		o := obtained()
		o.Response.RefreshExpiry = now.Add(240*time.Hour + time.Millisecond)
		done, c, _ := finished(t, o)
		want := account.Credential{
			TokenEndpoint: "https://login.example.com/token", RevocationEndpoint: "https://login.example.com/revoke",
			ClientID: "app", AuthMethod: "private_key_jwt", ClientSecret: account.NewSecret("fake-secret"), Key: account.NewSecret("fake-key"),
			RefreshToken: account.NewSecret("fake-refresh-token"), Scopes: []string{"a", "c"},
			LoggedInAt: now, RefreshExpiry: now.Add(240 * time.Hour), Generation: c.Generation,
		}
		if !reflect.DeepEqual(c, want) {
			t.Errorf("got record %+v, want %+v", c, want)
		}
		event := api.LoginEvent{
			Event: api.EventDone, Provider: "corp", Grant: "authorization_code", ScopesGranted: []string{"a", "c"},
			ScopesDenied: []string{"b"}, ScopesExtra: []string{"c"},
			Warnings: []string{"something was odd", "not granted: b", "granted though not asked for: c"},
		}
		if !reflect.DeepEqual(done, event) {
			t.Errorf("got event %+v, want %+v", done, event)
		}
	})
}

// TestLoginThatSaysNoScopes checks that what was asked for counts as granted (RFC 6749 §5.1).
func TestLoginThatSaysNoScopes(t *testing.T) {
	o := obtained()
	o.Response.Token.Scopes = nil
	done, c, tok := finished(t, o)
	for what, got := range map[string][]string{"event": done.ScopesGranted, "record": c.Scopes, "token": tok.Scopes} {
		if !slices.Equal(got, o.Asked) {
			t.Errorf("%s: got %q, want %q", what, got, o.Asked)
		}
	}
}

// TestWhenALoginsTokenIsRefreshed checks whether the token of a login is refreshed early or late, and which token is
// stored: one that nothing could refresh.
func TestWhenALoginsTokenIsRefreshed(t *testing.T) {
	for _, tt := range []struct {
		name         string
		change       func(o *Outcome)
		late, stored bool
	}{
		{"usually early", func(*Outcome) {}, false, false},
		{"late where a refresh ends it", func(o *Outcome) { o.Provider.RefreshKillsAccessToken = true }, true, false},
		{"late without a refresh token", func(o *Outcome) { o.Response.RefreshToken = account.Secret{} }, true, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := obtained()
			o.Response.Token.Expiry = time.Now().UTC().Add(time.Hour).Truncate(time.Second)
			tt.change(&o)
			_, c, tok := finished(t, o)
			if tok.RefreshLate != tt.late {
				t.Errorf("got it refreshed late %t, want %t", tok.RefreshLate, tt.late)
			}
			if !c.AccessToken.IsZero() != tt.stored || tt.stored && (!c.Expiry.Equal(tok.Expiry) || c.TokenType != "Bearer") {
				t.Errorf("got a %s token stored %t until %v, want %t", c.TokenType, !c.AccessToken.IsZero(), c.Expiry, tt.stored)
			}
		})
	}
}

// TestRedirectURIOfARecord checks that the redirect URI is stored for providers that want it again, and for no others.
func TestRedirectURIOfARecord(t *testing.T) {
	o := obtained()
	if _, c, _ := finished(t, o); c.RedirectURI != "" {
		t.Errorf("got redirect URI %q, want none", c.RedirectURI)
	}
	o.Provider.RedirectURIAtRefresh = true
	if _, c, _ := finished(t, o); c.RedirectURI != o.RedirectURI {
		t.Errorf("got redirect URI %q, want %q", c.RedirectURI, o.RedirectURI)
	}
}

// TestWordsOfAnOutcome checks that a failed login is worded for what it was: the account, new or not, and the provider.
func TestWordsOfAnOutcome(t *testing.T) {
	o := obtained()
	o.Provider.Issuer = "https://login.example.com"
	if got := o.Words(); got.Account != "work" || got.Provider != "corp" || got.Issuer != "https://login.example.com" ||
		!got.New || !slices.Equal(got.Scopes, o.Asked) {
		t.Errorf("got %+v, want those of the new account work at corp", got)
	}
	o.Account.File = "/accounts/work.toml"
	if o.Words().New {
		t.Error("got a new account, want one that has its file")
	}
}
