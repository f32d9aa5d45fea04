package daemon

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"oauthd/daemon/account"
	"oauthd/daemon/oauthtest"
	"oauthd/ipc/api"
)

const (
	exchangeGrant = "urn:ietf:params:oauth:grant-type:token-exchange"
	billing       = "https://billing.example.com"
	reports       = "https://reports.example.com/"
)

// exchanging is a rig whose account work exchanges its token.
func exchanging(t *testing.T, lines string) *rig {
	r := newRig(t, oauthtest.Config{Exchange: &oauthtest.Exchange{Targets: []string{billing, reports}, Lifetime: 10 * time.Minute}})
	r.account("work", "openid", "calendar.read", "calendar.write", "offline_access")
	r.write("accounts/work.toml", fmt.Sprintf("issuer = %q\nclient_id = \"app\"\ntoken_exchange = true\n%s", r.server.Issuer(), lines))
	r.start()
	return r
}

func TestExchangedToken(t *testing.T) {
	for _, tt := range []struct {
		name    string
		request api.TokenRequest
		scope   string
		until   time.Duration
		plain   bool // no exchange
	}{
		{name: "scopes", request: api.TokenRequest{Scope: "calendar.read"}, scope: "calendar.read"},
		{name: "an audience", request: api.TokenRequest{Audience: billing}, scope: "openid calendar.read calendar.write offline_access"},
		{name: "a resource", request: api.TokenRequest{Resource: reports}, scope: "openid calendar.read calendar.write offline_access"},
		{name: "all three", request: api.TokenRequest{Scope: "calendar.write", Audience: billing, Resource: reports}, scope: "calendar.write"},
		{name: "nothing", scope: "openid calendar.read calendar.write offline_access", plain: true},
		{name: "all scopes", request: api.TokenRequest{Scope: "calendar.read calendar.write openid"},
			scope: "openid calendar.read calendar.write offline_access", plain: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := exchanging(t, "")
				own := r.token()
				tt.request.Account = "work"
				tok, err := r.ask(tt.request)
				if err != nil {
					t.Fatal(err)
				}
				if got := tok.AccessToken == own.AccessToken; got != tt.plain || tok.Scope != tt.scope {
					t.Errorf("got scope %q, the account's own token: %t; want %q, %t", tok.Scope, got, tt.scope, tt.plain)
				}
				again, err := r.ask(tt.request)
				if err != nil || again.AccessToken != tok.AccessToken {
					t.Errorf("got another token (%v), want the cached one", err)
				}
				want := 1
				if tt.plain {
					want = 0
				}
				if n, m := r.server.TokenRequests(exchangeGrant), r.refreshes(); n != want || m != 1 {
					t.Errorf("got %d exchanges and %d refreshes, want %d and 1", n, m, want)
				}
				if left := tok.ExpiresAt.Sub(r.now()); !tt.plain && left != 10*time.Minute {
					t.Errorf("ends in %v, want its own 10 min", left)
				}
			})
		})
	}
}

// Each of (scope, audience, resource) has a token of its own.
func TestExchangedTokensAreCachedApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := exchanging(t, "")
		seen := map[string]bool{}
		for range 2 {
			for _, request := range []api.TokenRequest{
				{Audience: billing}, {Resource: billing}, {Audience: reports}, {Audience: billing, Scope: "openid"}, {Scope: "openid"},
			} {
				request.Account = "work"
				tok, err := r.ask(request)
				if err != nil {
					t.Fatal(err)
				}
				seen[tok.AccessToken] = true
			}
		}
		if n := r.server.TokenRequests(exchangeGrant); len(seen) != 5 || n != 5 {
			t.Errorf("got %d tokens of %d exchanges, want 5 of 5", len(seen), n)
		}
	})
}

func TestConcurrentCallersCauseOneExchange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := exchanging(t, "")
		var callers sync.WaitGroup
		for range 50 {
			callers.Go(func() {
				if _, err := r.ask(api.TokenRequest{Account: "work", Audience: billing}); err != nil {
					t.Errorf("got %v, want a token", err)
				}
			})
		}
		callers.Wait()
		if n, m := r.server.TokenRequests(exchangeGrant), r.refreshes(); n != 1 || m != 1 {
			t.Errorf("got %d exchanges and %d refreshes, want one each", n, m)
		}
	})
}

// A refused exchange is an error of the request, and leaves the account as it was.
func TestRefusedExchange(t *testing.T) {
	for _, tt := range []struct {
		name    string
		fault   oauthtest.Fault
		request api.TokenRequest
		code    api.Code
	}{
		{"another audience", nil, api.TokenRequest{Audience: "https://elsewhere.example.com"}, api.ProviderRejected},
		{"invalid_scope", oauthtest.Error(400, "invalid_scope"), api.TokenRequest{Scope: "openid"}, api.ProviderRejected},
		{"invalid_grant", oauthtest.Error(400, "invalid_grant"), api.TokenRequest{Audience: billing}, api.ProviderRejected},
		{"login_required", oauthtest.Error(400, "login_required"), api.TokenRequest{Audience: billing}, api.ProviderRejected},
		{"unreachable", oauthtest.Error(503, "temporarily_unavailable"), api.TokenRequest{Audience: billing}, api.ProviderUnreachable},
		{"a refresh token", oauthtest.Set("issued_token_type", "urn:ietf:params:oauth:token-type:refresh_token"),
			api.TokenRequest{Audience: billing}, api.ProviderRejected},
		{"more than was asked for", oauthtest.Set("scope", "openid calendar.write"), api.TokenRequest{Scope: "openid"}, api.ProviderRejected},
		{"more than the account has", oauthtest.Set("scope", "openid admin"), api.TokenRequest{Audience: billing}, api.ProviderRejected},
		{"a scope that was not granted", nil, api.TokenRequest{Audience: billing, Scope: "email"}, api.ScopeNotGranted},
		{"with an ID token", nil, api.TokenRequest{Audience: billing, IDToken: true}, api.BadRequest},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := exchanging(t, "")
				own := r.token()
				r.server.Script(oauthtest.Token, tt.fault)
				tt.request.Account = "work"
				tok, err := r.ask(tt.request)
				r.wants(err, tt.code)
				if tok.AccessToken != "" {
					t.Error("got a token along with the error")
				}
				if a := r.shown("work"); a.State != api.StateReady || a.LastError != nil {
					t.Errorf("got %s, %v; want ready without an error", a.State, a.LastError)
				}
				if r.store.credential(t, "work").Dead || r.token().AccessToken != own.AccessToken {
					t.Error("the login has ended, or its token was dropped")
				}
			})
		})
	}
}

func TestLogoutAndLockForgetExchangedTokens(t *testing.T) {
	for _, tt := range []struct {
		name string
		end  func(r *rig) error
		code api.Code
	}{
		{"logout", func(r *rig) error { _, err := r.d.Logout(context.Background(), "work"); return err }, api.LoginRequired},
		{"lock", func(r *rig) error { return r.d.Lock(context.Background()) }, api.Locked},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := exchanging(t, "")
				request := api.TokenRequest{Account: "work", Audience: billing}
				if _, err := r.ask(request); err != nil {
					t.Fatal(err)
				}
				if err := tt.end(r); err != nil {
					t.Fatal(err)
				}
				_, err := r.ask(request)
				r.wants(err, tt.code)
				if tt.code == api.Locked {
					if err := r.d.Unlock(context.Background(), ""); err != nil {
						t.Fatal(err)
					}
					if _, err := r.ask(request); err != nil || r.server.TokenRequests(exchangeGrant) != 2 {
						t.Errorf("got %v after %d exchanges, want a new token", err, r.server.TokenRequests(exchangeGrant))
					}
				}
			})
		})
	}
}

// What does not work may be the token that the other was made of.
func TestForcedExchange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := exchanging(t, "")
		request := api.TokenRequest{Account: "work", Audience: billing}
		first, err := r.ask(request)
		if err != nil {
			t.Fatal(err)
		}
		request.Force = true
		second, err := r.ask(request)
		if err != nil || second.AccessToken == first.AccessToken {
			t.Fatalf("got the old token, %v; want a new one", err)
		}
		if n, m := r.server.TokenRequests(exchangeGrant), r.refreshes(); n != 2 || m != 2 {
			t.Errorf("got %d exchanges and %d refreshes, want two each", n, m)
		}
	})
}

// A rule's ceiling is met by an exchange.
func TestRuleNarrowsByExchange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := exchanging(t, "[[allow]]\napp = \"reporter\"\nscopes = [\"calendar.read\", \"email\"]\naudiences = [\""+billing+"\"]\n")
		ctx := account.WithCaller(context.Background(), account.Caller{
			Evidence: func() account.Evidence { return account.Evidence{App: "reporter"} },
		})
		tok, err := r.d.Token(ctx, api.TokenRequest{Account: "work"})
		if err != nil || tok.Scope != "calendar.read" || r.server.TokenRequests(exchangeGrant) != 1 {
			t.Errorf("got scope %q, %v, after %d exchanges; want calendar.read after one", tok.Scope, err, r.server.TokenRequests(exchangeGrant))
		}
		_, err = r.d.Token(ctx, api.TokenRequest{Account: "work", Audience: reports})
		r.wants(err, api.PolicyDenied)
	})
}

// A token that is made of one that is bound to a key is bound to the same (RFC 9449 §5).
func TestBoundTokenIsExchanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oauthtest.Config{DPoP: true, DPoPNonces: 5 * time.Minute, Exchange: &oauthtest.Exchange{Targets: []string{billing}}})
		r.boundAccount("work")
		r.write("accounts/work.toml", fmt.Sprintf("issuer = %q\nclient_id = \"app\"\ndpop = true\ntoken_exchange = true\n", r.server.Issuer()))
		r.start()
		tok, err := r.ask(api.TokenRequest{Account: "work", Audience: billing})
		if err != nil || tok.TokenType != "DPoP" || r.server.TokenRequests(exchangeGrant) == 0 {
			t.Errorf("got a token of type %q, %v; want DPoP of an exchange", tok.TokenType, err)
		}
		if own := r.token(); own.AccessToken == tok.AccessToken {
			t.Error("got the account's own token")
		}
	})
}

// A provider's row can say what token_exchange says of one account.
func TestProviderThatNarrowsByExchange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oauthtest.Config{Exchange: &oauthtest.Exchange{}})
		r.account("work", "openid", "calendar.read", "offline_access")
		r.write("config.toml", fmt.Sprintf("[providers.corp]\nissuer = %q\nnarrowing = \"exchange\"\n", r.server.Issuer()))
		r.write("accounts/work.toml", "provider = \"corp\"\nclient_id = \"app\"\n")
		r.start()
		tok, err := r.ask(api.TokenRequest{Account: "work", Scope: "calendar.read"})
		if err != nil || tok.Scope != "calendar.read" || r.server.TokenRequests(exchangeGrant) != 1 {
			t.Errorf("got scope %q, %v, after %d exchanges; want calendar.read after one", tok.Scope, err, r.server.TokenRequests(exchangeGrant))
		}
	})
}
