package token

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"oauthd/daemon/account"
)

var narrow = Key{Account: "work", Audience: "https://api.example.com", Exchanged: true}

// exchanger mints an exchanged token of the account's own, which it asks the cache for.
type exchanger struct {
	provider
	cache *Cache
}

func (e *exchanger) Mint(ctx context.Context, key Key) (account.Token, error) {
	if key.Exchanged {
		if _, err := e.cache.Token(ctx, Request{Key: work}); err != nil {
			return account.Token{}, err
		}
	}
	return e.provider.Mint(ctx, key)
}

// An exchange waits for the account's own token, which must not wait for the exchange.
func TestExchangeAsksForTheAccountsToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &exchanger{provider: provider{lifetime: time.Hour, latency: time.Second}}
		p.cache = New(Config{Minter: p})
		start := time.Now()
		var callers sync.WaitGroup
		for range 50 {
			callers.Go(func() {
				tok, err := p.cache.Token(context.Background(), Request{Key: narrow})
				if err != nil || tok.Access.Reveal() != "t2" {
					t.Errorf("got %q, %v; want the second token", tok.Access.Reveal(), err)
				}
			})
		}
		callers.Wait()
		wantTimes(t, &p.provider, start, 0, time.Second)
		get(t, p.cache, Request{Key: work}, 1)
		get(t, p.cache, Request{Key: narrow}, 2)
	})
}

// A failed exchange is no failure of the account: its own token is neither backed off from nor shown as failing.
func TestFailedExchangeIsOfItsKeyAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &exchanger{provider: provider{reply: func(_ context.Context, key Key, n int) (account.Token, error) {
			if key.Exchanged {
				return account.Token{}, passing{}
			}
			return fresh(n, time.Hour), nil
		}}}
		p.cache = New(Config{Minter: p})
		if _, err := p.cache.Token(context.Background(), Request{Key: narrow}); err == nil {
			t.Fatal("got a token, want an error")
		}
		if s := p.cache.Schedule("work"); s.LastError != nil || !s.RetryAt.IsZero() || s.ExpiresAt.IsZero() {
			t.Errorf("got %+v, want the account's own token without an error", s)
		}
		get(t, p.cache, Request{Key: work, Force: true}, 3)
	})
}

func TestDropForgetsExchangedTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &exchanger{provider: provider{lifetime: time.Hour}}
		p.cache = New(Config{Minter: p})
		get(t, p.cache, Request{Key: narrow}, 2)
		p.cache.Drop("work")
		get(t, p.cache, Request{Key: narrow}, 4)
	})
}

// An exchanged token is renewed ahead of its own expiry, and the account's own at its own pace.
func TestExchangedTokenIsRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &exchanger{provider: provider{reply: func(_ context.Context, key Key, n int) (account.Token, error) {
			if key.Exchanged {
				return fresh(n, 10*time.Minute), nil
			}
			return fresh(n, time.Hour), nil
		}}}
		p.cache = New(Config{Minter: p, Jitter: noJitter})
		run(t, p.cache)
		start := time.Now()
		get(t, p.cache, Request{Key: narrow}, 2)
		time.Sleep(9 * time.Minute)
		synctest.Wait()
		get(t, p.cache, Request{Key: narrow}, 3)
		wantTimes(t, &p.provider, start, 0, 0, 6*time.Minute)
	})
}

func TestProofKeyOfAnExchangedToken(t *testing.T) {
	p := &exchanger{provider: provider{reply: func(_ context.Context, _ Key, n int) (account.Token, error) {
		token := fresh(n, time.Hour)
		token.ProofKey = account.NewSecret("key of " + token.Access.Reveal())
		return token, nil
	}}}
	p.cache = New(Config{Minter: p})
	get(t, p.cache, Request{Key: narrow}, 2)
	for access, want := range map[string]string{"t1": "key of t1", "t2": "key of t2", "t3": ""} {
		if got := p.cache.ProofKey("work", access).Reveal(); got != want {
			t.Errorf("%s: got %q, want %q", access, got, want)
		}
	}
}
