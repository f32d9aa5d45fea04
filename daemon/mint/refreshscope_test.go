package mint

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"oauthd/daemon/account"
	"oauthd/daemon/grant"
	"oauthd/daemon/provider"
	"oauthd/daemon/token"
	"oauthd/keystore"
)

// TestRefreshScopes checks when a refresh names scopes, and which.
func TestRefreshScopes(t *testing.T) {
	plain := provider.Row{}
	naming := provider.Row{RefreshScope: true, OfflineScope: "offline", ScopesNotEchoed: []string{"openid"}}
	single := provider.Row{OneResourcePerToken: true, OfflineScope: "offline", ScopesNotEchoed: []string{"openid", "offline"}}
	const mail, drive, driveToo = "https://mail/read", "https://drive/read", "https://drive/write"
	for _, tt := range []struct {
		name   string
		row    provider.Row
		asked  []string // the account's
		record account.Credential
		want   string
	}{
		{"usually none", plain, []string{"a"}, account.Credential{Scopes: []string{"a", "b"}}, ""},
		{"once a refresh has shrunk", plain, []string{"a"}, account.Credential{Scopes: []string{"a", "b"}, SendScope: true}, "a b"},
		{"all that the login brought", plain, nil, account.Credential{
			Scopes: []string{"a"}, LoginScopes: []string{"a", "b"}, SendScope: true}, "a b"},
		{"of a provider that wants them", naming, nil, account.Credential{Scopes: []string{"a"}}, "a offline"},
		{"with those that it never names", naming, []string{"openid", "a", "b"}, account.Credential{Scopes: []string{"a"}}, "a openid offline"},
		{"each once", naming, []string{"openid", "a"}, account.Credential{Scopes: []string{"openid", "offline", "a"}}, "openid offline a"},
		{"of one resource", single, []string{"openid"}, account.Credential{Scopes: []string{drive, mail, driveToo}}, drive + " " + driveToo + " openid offline"},
		{"none if one token holds them all", single, []string{"openid"}, account.Credential{Scopes: []string{drive, driveToo}}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			// With room behind it, as a slice that was appended to has.
			granted := slices.Grow(slices.Clone(tt.record.Scopes), 4)
			tt.record.Scopes = granted
			if got := strings.Join(refreshScopes(account.Account{Scopes: tt.asked}, tt.record, provider.Provider{Row: tt.row}), " "); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if behind := granted[:cap(granted)][len(granted)]; behind != "" {
				t.Errorf("got %q written behind the record's scopes, want them left alone", behind)
			}
		})
	}
}

// If it is known how a provider narrows tokens, its refusal of a scope is told, and no wider token served instead.
func TestRefusedScopeOfAProviderThatNarrows(t *testing.T) {
	s := newStub(t, `{"error":"invalid_scope"}`)
	s.provider.Narrowing = provider.NarrowRefresh
	s.start()
	s.save(func(c *account.Credential) { c.Scopes = []string{"a", "b"} })
	_, err := s.Mint(t.Context(), token.Key{Account: "work", Scopes: account.ScopeSetOf("a")})
	var refused *grant.ProviderError
	if !errors.As(err, &refused) || refused.Code != "invalid_scope" {
		t.Errorf("got %v, want the refusal", err)
	}
	s.wantAsked("scope", "a")
}

// The refusal of a narrower token says nothing about the scopes that refreshes have to name.
func TestRefusedNarrowingKeepsTheScopesNamed(t *testing.T) {
	s := newStub(t, `{"error":"invalid_scope"}`, `{"access_token":"fake","token_type":"Bearer","scope":"a b"}`)
	s.start()
	s.save(func(c *account.Credential) { c.Scopes, c.SendScope = []string{"a", "b"}, true })
	s.minted(token.Key{Scopes: account.ScopeSetOf("a")})
	s.wantAsked("scope", "a", "a b")
	if !s.stored().SendScope {
		t.Error("got scopes named no more, want them named as before")
	}
}

// Scopes that shrank are named once; a provider that refuses that is not asked in this way again.
func TestNamedScopesThatAreRefused(t *testing.T) {
	fewer := `{"access_token":"fake","token_type":"Bearer","scope":"a"}`
	s := newStub(t, fewer, `{"error":"invalid_scope"}`, fewer)
	s.start()
	s.save(func(c *account.Credential) { c.Scopes = []string{"a", "b"} })
	for range 2 {
		if got := s.minted(token.Key{}); !slices.Equal(got.Scopes, []string{"a"}) {
			t.Errorf("got scopes %q, want what the provider gives", got.Scopes)
		}
	}
	s.wantAsked("scope", "", "a b", "")
	if s.book.Narrows(s.provider) {
		t.Error("the provider is still trusted to narrow; it may be a narrower token that shrank the grant")
	}
}

// The same scopes in another order are no smaller grant.
func TestScopesInAnotherOrder(t *testing.T) {
	s := newStub(t, `{"access_token":"fake","token_type":"Bearer","scope":"b a"}`)
	s.start()
	s.save(func(c *account.Credential) { c.Scopes = []string{"a", "b"} })
	s.minted(token.Key{})
	s.wantAsked("scope", "")
	if c := s.stored(); c.SendScope || c.LoginScopes != nil || !s.book.Narrows(s.provider) {
		t.Errorf("got named %t, of the login %q; want nothing noted", c.SendScope, c.LoginScopes)
	}
}

// Scopes that were named, and are refused now, are named no more, unless the provider always wants them.
func TestRefusedScopesOfARecordThatNamesThem(t *testing.T) {
	for _, always := range []bool{false, true} {
		s := newStub(t, `{"error":"invalid_scope"}`, `{"access_token":"fake","token_type":"Bearer","scope":"a b"}`)
		s.provider.RefreshScope = always
		s.start()
		s.save(func(c *account.Credential) { c.Scopes, c.SendScope = []string{"a", "b"}, true })
		_, err := s.Mint(t.Context(), token.Key{Account: "work"})
		if always {
			s.wantAsked("scope", "a b")
		} else {
			s.wantAsked("scope", "a b", "")
		}
		if (err != nil) != always || s.stored().SendScope != always {
			t.Errorf("always %t: got %v, named %t; want the refusal only if there is no other way", always, err, s.stored().SendScope)
		}
	}
}

// A store that is down while the scopes turn out to be refused gets to know it later.
func TestRefusedScopesAreKeptInMindWhileTheStoreIsDown(t *testing.T) {
	fewer := `{"access_token":"fake","token_type":"Bearer","scope":"a"}`
	s := newStub(t, fewer, `{"error":"invalid_scope"}`, fewer)
	store := &readOnly{}
	s.store = store
	s.start()
	s.save(func(c *account.Credential) { c.Scopes = []string{"a", "b"} })
	store.on = true
	s.minted(token.Key{})
	s.minted(token.Key{})
	s.wantAsked("scope", "", "a b", "")
}

// readOnly is a store that takes nothing while it is on.
type readOnly struct {
	keystore.Memory
	on bool
}

func (s *readOnly) Put(ctx context.Context, name string, data []byte) error {
	if s.on {
		return keystore.ErrUnavailable
	}
	return s.Memory.Put(ctx, name, data)
}

// If naming the scopes fails for another reason, the token that is there is served, and they are named the next time.
func TestNamingScopesFailsOtherwise(t *testing.T) {
	fewer := `{"access_token":"fake","token_type":"Bearer","scope":"a"}`
	s := newStub(t, fewer, `{"error":"server_error"}`, `{"access_token":"fake","token_type":"Bearer","scope":"a b"}`)
	s.start()
	s.save(func(c *account.Credential) { c.Scopes = []string{"a", "b"} })
	if got := s.minted(token.Key{}); !slices.Equal(got.Scopes, []string{"a"}) {
		t.Errorf("got scopes %q, want those of the first answer", got.Scopes)
	}
	if got := s.minted(token.Key{}); !slices.Equal(got.Scopes, []string{"a", "b"}) {
		t.Errorf("got scopes %q, want all", got.Scopes)
	}
	s.wantAsked("scope", "", "a b", "a b")
}

// A grant that goes on shrinking is compared with what the login brought. Scopes that were named stay named; those that
// a provider always wants named are not named once more.
func TestGrantThatGoesOnShrinking(t *testing.T) {
	s := newStub(t, `{"access_token":"fake","token_type":"Bearer","scope":"a"}`)
	s.start()
	s.save(func(c *account.Credential) {
		c.Scopes, c.LoginScopes, c.SendScope = []string{"a", "b"}, []string{"a", "b", "c"}, true
	})
	s.minted(token.Key{})
	s.wantAsked("scope", "a b c")
	if c := s.stored(); !slices.Equal(c.Scopes, []string{"a"}) || !slices.Equal(c.LoginScopes, []string{"a", "b", "c"}) || !c.SendScope {
		t.Errorf("got %q of the login's %q, named %t; want one of three, named", c.Scopes, c.LoginScopes, c.SendScope)
	}

	s = newStub(t, `{"access_token":"fake","token_type":"Bearer","scope":"a"}`)
	s.provider.RefreshScope = true
	s.start()
	s.save(func(c *account.Credential) { c.Scopes = []string{"a", "b"} })
	s.minted(token.Key{})
	s.wantAsked("scope", "a b")
	if c := s.stored(); c.SendScope || !slices.Equal(c.LoginScopes, []string{"a", "b"}) {
		t.Errorf("got named %t of the login's %q; want it noted as the provider's way alone", c.SendScope, c.LoginScopes)
	}
}

// Another refusal of a request for fewer scopes says nothing about scopes.
func TestOtherRefusalOfANarrowerToken(t *testing.T) {
	s := newStub(t, `{"error":"invalid_client"}`)
	s.start()
	s.save(func(c *account.Credential) { c.Scopes = []string{"a", "b"} })
	if _, err := s.Mint(t.Context(), token.Key{Account: "work", Scopes: account.ScopeSetOf("a")}); err == nil {
		t.Error("got a token, want the refusal")
	}
	s.wantAsked("scope", "a")
	if !s.book.Narrows(s.provider) {
		t.Error("the provider passes for one that does not narrow, want that left open")
	}
}
