package mint

import (
	"context"
	"errors"
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

// What a token is for reaches the provider, and the account's own resource goes along if the request names none.
func TestTargetsOfARefresh(t *testing.T) {
	s := newStub(t, `{"access_token":"fake","token_type":"Bearer"}`)
	s.account.Resource = "https://own.example.com"
	s.start()
	s.save(func(*account.Credential) {})
	s.minted(token.Key{Audience: "https://api.example.com"})
	s.minted(token.Key{Resource: "https://other.example.com"})
	s.wantAsked("audience", "https://api.example.com", "")
	s.wantAsked("resource", "https://own.example.com", "https://other.example.com")
}

// A provider that separates scopes in its own way is read in that way, and so are its words for a login that has ended.
func TestDialectOfARefresh(t *testing.T) {
	s := newStub(t, `{"access_token":"fake","token_type":"Bearer","scope":"a,b"}`, `{"error":"gone_for_good"}`)
	s.provider.ScopeSeparator, s.provider.LoginEndedErrors = ",", []string{"gone_for_good"}
	s.start()
	s.save(func(*account.Credential) {})
	if got := s.minted(token.Key{}); !slices.Equal(got.Scopes, []string{"a", "b"}) {
		t.Errorf("got scopes %q, want a and b", got.Scopes)
	}
	_, err := s.Mint(t.Context(), token.Key{Account: "work"})
	if err == nil || !s.stored().Dead {
		t.Errorf("got %v, dead %t; want the login ended", err, s.stored().Dead)
	}
	var passing interface{ Pause() (time.Duration, bool) }
	if errors.As(err, &passing) {
		if _, ok := passing.Pause(); ok {
			t.Error("the end of a login passes for a failure that time heals")
		}
	}
}

// A provider whose refresh ends the tokens it gave is asked late, and so is never asked a login that cannot be refreshed.
func TestTokensThatAreRefreshedLate(t *testing.T) {
	s := newStub(t, `{"access_token":"fake","token_type":"Bearer"}`)
	s.provider.RefreshKillsAccessToken = true
	s.start()
	s.save(func(*account.Credential) {})
	if !s.minted(token.Key{}).RefreshLate {
		t.Error("a provider that ends tokens: got an early refresh, want a late one")
	}

	s = newStub(t)
	s.start()
	ends := time.Now().Add(time.Hour).Truncate(time.Second)
	s.save(func(c *account.Credential) {
		c.RefreshToken, c.AccessToken, c.TokenType = account.Secret{}, account.NewSecret("fake"), "Bearer"
		c.Expiry, c.Scopes = ends, []string{"a"}
	})
	got := s.minted(token.Key{})
	if !got.RefreshLate || got.Type != "Bearer" || !got.Expiry.Equal(ends) || !slices.Equal(got.Scopes, []string{"a"}) || s.forms != nil {
		t.Errorf("an access token alone: got %s for %q until %v, late %t; want it as it was stored, refreshed late",
			got.Type, got.Scopes, got.Expiry, got.RefreshLate)
	}
	s.save(func(c *account.Credential) {
		c.RefreshToken, c.AccessToken, c.TokenType = account.Secret{}, account.NewSecret("fake"), "Bearer"
	})
	if got := s.minted(token.Key{}); got.Access.IsZero() || !got.Expiry.IsZero() {
		t.Errorf("an access token that never ends: got an end at %v, want none", got.Expiry)
	}
}

// A refresh token that comes back as it was makes no failure worth another request.
func TestEchoedRefreshToken(t *testing.T) {
	s := newStub(t, `{"refresh_token":"fake-refresh-token"}`)
	s.start()
	s.save(func(*account.Credential) {})
	if _, err := s.Mint(t.Context(), token.Key{Account: "work"}); err == nil || len(s.forms) != 1 {
		t.Errorf("got %v after %d requests, want the failure after one", err, len(s.forms))
	}
}

// A caller that stops waiting gets what came of the only request, and the refresh token that is valid since.
func TestSpendingThatIsCutShort(t *testing.T) {
	s := newStub(t, `{"refresh_token":"fake-rotated-token"}`)
	s.start()
	ctx, cancel := context.WithCancel(t.Context())
	answers := 0
	r, err := s.Spend(ctx, Spending{
		Provider: s.provider, TokenEndpoint: tokenEndpoint, Auth: grant.ClientAuth{ID: "app", Method: provider.AuthNone},
		RefreshToken: account.NewSecret("fake-refresh-token"), Answered: func(grant.Response, error) { answers++; cancel() },
	})
	var refused *grant.ProviderError
	if !errors.As(err, &refused) || answers != 1 || r.RefreshToken.Reveal() != "fake-rotated-token" {
		t.Errorf("got %v after %d answers, want the failure of the one, and the rotated token", err, answers)
	}
}

// The end of a refresh token is recorded if it moves, kept if the provider is silent about the same token, and forgotten
// with the token it belonged to. The time of use is worth a save once a day.
func TestWhatARefreshIsWorthSaving(t *testing.T) {
	const same, rotated = `"refresh_token":"fake-refresh-token"`, `"refresh_token":"fake-rotated-token"`
	answer := func(more string) string { return `{"access_token":"fake","token_type":"Bearer",` + more + `}` }
	for _, tt := range []struct {
		name     string
		answer   string
		usedAgo  time.Duration
		endsIn   time.Duration // 0 for unknown
		wantEnds time.Duration
		wantUsed bool // that the time of use is saved
	}{
		{"silent about the same token", answer(same), time.Hour, 240 * time.Hour, 240 * time.Hour, false},
		{"silent about a new token", answer(rotated), time.Hour, 240 * time.Hour, 0, true},
		{"an end that has moved", answer(same + `,"refresh_token_expires_in":867600`), time.Hour, 240 * time.Hour, 241 * time.Hour, true},
		{"an end that has hardly moved", answer(same + `,"refresh_token_expires_in":867599`), time.Hour, 240 * time.Hour, 240 * time.Hour, false},
		{"a first end", answer(same + `,"refresh_token_expires_in":3600`), time.Hour, 0, time.Hour, true},
		{"used a day ago", answer(same), 24 * time.Hour, 0, 0, true},
		{"used less than a day ago", answer(same), 24*time.Hour - time.Second, 0, 0, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStub(t, tt.answer)
				s.start()
				now := time.Now().UTC()
				s.save(func(c *account.Credential) {
					c.LoggedInAt, c.UsedAt = now.Add(-1000*time.Hour), now.Add(-tt.usedAgo)
					if tt.endsIn != 0 {
						c.RefreshExpiry = now.Add(tt.endsIn)
					}
				})
				s.minted(token.Key{})
				c := s.stored()
				if tt.wantEnds == 0 && !c.RefreshExpiry.IsZero() || tt.wantEnds != 0 && !c.RefreshExpiry.Equal(now.Add(tt.wantEnds)) {
					t.Errorf("got an end at %v, want it %v from %v", c.RefreshExpiry, tt.wantEnds, now)
				}
				if c.UsedAt.Equal(now) != tt.wantUsed {
					t.Errorf("got it used at %v, want the time of use saved: %t", c.UsedAt, tt.wantUsed)
				}
			})
		})
	}
}

// What ends a request before anything is asked of the provider.
func TestNothingIsAskedOfTheProvider(t *testing.T) {
	for _, tt := range []struct {
		name    string
		prepare func(s *stub) context.Context
		want    api.Code
	}{
		{"oauthd is locked", func(s *stub) context.Context { s.vault.Gate().Shut(); return s.t.Context() }, api.Locked},
		{"a record without its private key", func(s *stub) context.Context {
			s.save(func(c *account.Credential) { c.AuthMethod = "private_key_jwt" })
			return s.t.Context()
		}, api.LoginRequired},
		{"a provider that config.toml has lost", func(s *stub) context.Context {
			s.account.Provider = "gone"
			return s.t.Context()
		}, api.UnknownProvider},
		{"a caller that left while others had their turn", func(s *stub) context.Context {
			unlock, err := s.vault.Lock(s.t.Context(), "work")
			if err != nil {
				s.t.Fatal(err)
			}
			s.t.Cleanup(unlock)
			ctx, cancel := context.WithCancel(s.t.Context())
			cancel()
			return ctx
		}, api.Timeout},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newStub(t)
			s.start()
			s.save(func(*account.Credential) {})
			_, err := s.Mint(tt.prepare(s), token.Key{Account: "work"})
			if told := api.AsError(err); err == nil || tt.want != api.Timeout && told.Code != tt.want || s.forms != nil {
				t.Errorf("got %v after %d requests, want %s after none", err, len(s.forms), tt.want)
			}
		})
	}
}

// A store that fails is worded as that store's failure.
func TestRecordThatCannotBeRead(t *testing.T) {
	s := newStub(t)
	s.start()
	if err := s.store.Put(t.Context(), "work", []byte("not a record")); err != nil {
		t.Fatal(err)
	}
	_, err := s.Mint(t.Context(), token.Key{Account: "work"})
	if told := api.AsError(err); err == nil || told.Code != api.Internal || told.Message != "the record of this account in the file store is damaged" {
		t.Errorf("got %v, want the damaged record of the file store", err)
	}
}

// What an issuer says of itself is asked for once, and not at each refresh, nor for a logout.
func TestDiscoveryIsNotRepeated(t *testing.T) {
	s := newStub(t, `{"access_token":"fake","token_type":"Bearer"}`)
	s.issuer()
	s.start()
	s.save(func(c *account.Credential) {
		c.TokenEndpoint, c.RevocationEndpoint = tokenEndpoint, "https://login.example.com/revoke"
	})
	s.minted(token.Key{})
	once := s.fetched
	s.minted(token.Key{})
	if result := s.Revoke(t.Context(), s.account, s.stored()); !result.Revoked || s.fetched != once || once == 0 {
		t.Errorf("got %+v after %d requests for the document, want no more than the %d of the first refresh", result, s.fetched, once)
	}
	s.wantAsked("token_type_hint", "", "", "refresh_token")
}

// The same holds for a program, of which nothing is stored.
func TestDiscoveryIsNotRepeatedForAProgram(t *testing.T) {
	s := newStub(t, `{"access_token":"fake","token_type":"Bearer"}`)
	s.issuer()
	s.program()
	s.start()
	s.minted(token.Key{})
	once := s.fetched
	if s.minted(token.Key{}); s.fetched != once || once == 0 {
		t.Errorf("got %d requests for the document, want no more than the %d of the first token", s.fetched, once)
	}
}
