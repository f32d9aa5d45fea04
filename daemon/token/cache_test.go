package token

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"oauthd/daemon/account"
)

func TestMinTTL(t *testing.T) {
	tests := []struct {
		name     string
		lifetime time.Duration
		age      time.Duration
		minTTL   *time.Duration
		hit      bool
	}{
		{"an hour, new", time.Hour, 0, nil, true},
		{"an hour, 60 s left", time.Hour, 59 * time.Minute, nil, true},
		{"an hour, 59 s left", time.Hour, 59*time.Minute + time.Second, nil, false},
		{"two minutes, a quarter left", 2 * time.Minute, 90 * time.Second, nil, true},
		{"two minutes, less left", 2 * time.Minute, 91 * time.Second, nil, false},
		{"two seconds, half left", 2 * time.Second, time.Second, nil, true},
		{"two seconds, 0.4 s left", 2 * time.Second, 1600 * time.Millisecond, nil, false},
		{"no known end", 0, 1000 * time.Hour, nil, true},
		{"no known end, much asked", 0, time.Hour, ttl(1000 * time.Hour), true},
		{"asked as much as is left", time.Hour, 10 * time.Minute, ttl(50 * time.Minute), true},
		{"asked for more than is left", time.Hour, 10 * time.Minute, ttl(50*time.Minute + 1), false},
		{"asked for more than any has", time.Hour, time.Second, ttl(2 * time.Hour), false},
		{"asked for nothing, 1 s left", time.Hour, time.Hour - time.Second, ttl(0), true},
		{"asked for nothing, ended", time.Hour, time.Hour, ttl(0), false},
		{"asked for less than nothing, ended", time.Hour, time.Hour, ttl(-time.Hour), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := &provider{reply: func(context.Context, Key, int) (account.Token, error) { return fresh(2, tt.lifetime), nil }}
				c := New(Config{Minter: p})
				c.Put(work, fresh(1, tt.lifetime))
				time.Sleep(tt.age)
				want := 2
				if tt.hit {
					want = 1
				}
				get(t, c, Request{Key: work, MinTTL: tt.minTTL}, want)
			})
		})
	}
}

func TestUnknownLifetimeIsWhatIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := New(Config{Minter: &provider{lifetime: time.Hour}})
		tok := fresh(9, 40*time.Second)
		tok.Lifetime = 0
		c.Put(work, tok)
		time.Sleep(30 * time.Second)
		got := get(t, c, Request{Key: work}, 9)
		if got.Lifetime != 0 {
			t.Errorf("lifetime: got %v, want 0, as it was put", got.Lifetime)
		}
		time.Sleep(time.Second)
		get(t, c, Request{Key: work}, 1)
	})
}

// Anyone who asks for more than any token has is served a new one, and does not cost a request each time.
func TestShortTokenIsServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &provider{lifetime: time.Hour}
		c := New(Config{Minter: p})
		r := Request{Key: work, MinTTL: ttl(2 * time.Hour)}
		for range 3 {
			get(t, c, r, 1)
			time.Sleep(19 * time.Second)
		}
		time.Sleep(3 * time.Second)
		get(t, c, r, 2)
		get(t, c, Request{Key: work, MinTTL: ttl(59 * time.Minute)}, 2)
		time.Sleep(2 * time.Minute)
		get(t, c, Request{Key: work, MinTTL: ttl(59 * time.Minute)}, 3)
		c.Put(work, fresh(9, time.Hour))
		get(t, c, r, 4)
	})
}

func TestExpiryHasNoMonotonicReading(t *testing.T) {
	now := time.Now() // outside a bubble it has one
	h := hold(account.Token{Expiry: now, IDTokenExpiry: now}, now)
	if h.Expiry != now.Round(0) || h.IDTokenExpiry != now.Round(0) {
		t.Errorf("got %v and %v, want %v", h.Expiry, h.IDTokenExpiry, now.Round(0))
	}
	if got, want := New(Config{}).now(), time.Now(); got != got.Round(0) || want.Sub(got) > time.Minute {
		t.Errorf("now: got %v, want about %v without a monotonic reading", got, want)
	}
}

func TestIDToken(t *testing.T) {
	r := Request{Key: work, IDToken: true}
	plain := func(_ context.Context, _ Key, n int) (account.Token, error) { return fresh(n, time.Hour), nil }
	full := func(_ context.Context, _ Key, n int) (account.Token, error) {
		return withIDToken(fresh(n, time.Hour), n, 10*time.Minute), nil
	}
	brief := func(_ context.Context, _ Key, n int) (account.Token, error) {
		return withIDToken(fresh(n, time.Hour), n, 30*time.Second), nil
	}
	tests := []struct {
		name  string
		reply func(context.Context, Key, int) (account.Token, error)
		steps func(t *testing.T, c *Cache, p *provider)
	}{
		{"none is given, and the provider is asked once", plain, func(t *testing.T, c *Cache, p *provider) {
			for range 3 {
				if _, err := c.Token(t.Context(), r); !errors.Is(err, ErrNoIDToken) {
					t.Fatalf("got %v, want ErrNoIDToken", err)
				}
			}
			get(t, c, Request{Key: work}, 1)
			wantCalls(t, p, 1)
		}},
		{"one that was not asked for is not shown", full, func(t *testing.T, c *Cache, p *provider) {
			if tok := get(t, c, r, 1); tok.IDToken.IsZero() || tok.IDTokenExpiry.IsZero() {
				t.Error("asked for: got no ID token, want one")
			}
			if tok := get(t, c, Request{Key: work}, 1); !tok.IDToken.IsZero() || !tok.IDTokenExpiry.IsZero() {
				t.Error("not asked for: got an ID token, want none")
			}
		}},
		{"one about to end is renewed", full, func(t *testing.T, c *Cache, p *provider) {
			get(t, c, r, 1)
			time.Sleep(9 * time.Minute)
			get(t, c, r, 1)
			time.Sleep(time.Second)
			get(t, c, Request{Key: work}, 1)
			if got := get(t, c, r, 2).IDToken.Reveal(); got != "id-t2" {
				t.Errorf("got ID token %q, want id-t2", got)
			}
		}},
		{"a refresh without one keeps the old one while it is valid", plain, func(t *testing.T, c *Cache, p *provider) {
			c.Put(work, withIDToken(fresh(9, time.Hour), 9, 10*time.Minute))
			time.Sleep(9*time.Minute + time.Second)
			for range 2 {
				if got := get(t, c, r, 1).IDToken.Reveal(); got != "id-t9" {
					t.Errorf("got ID token %q, want id-t9", got)
				}
			}
			time.Sleep(time.Minute)
			if _, err := c.Token(t.Context(), r); !errors.Is(err, ErrNoIDToken) {
				t.Errorf("after its end: got %v, want ErrNoIDToken", err)
			}
			wantCalls(t, p, 1)
		}},
		{"a new login's lack of one is not patched with the old person's", plain, func(t *testing.T, c *Cache, p *provider) {
			c.Put(work, withIDToken(fresh(9, time.Hour), 9, time.Hour))
			c.Put(work, fresh(10, time.Hour))
			if _, err := c.Token(t.Context(), r); !errors.Is(err, ErrNoIDToken) {
				t.Errorf("got %v, want ErrNoIDToken", err)
			}
			wantCalls(t, p, 1)
		}},
		{"after a new login the provider is asked again", plain, func(t *testing.T, c *Cache, p *provider) {
			_, _ = c.Token(t.Context(), r)
			c.Put(work, fresh(9, time.Hour))
			_, _ = c.Token(t.Context(), r)
			wantCalls(t, p, 2)
		}},
		{"one that is short by nature is served for as long as it lives", brief, func(t *testing.T, c *Cache, p *provider) {
			get(t, c, r, 1)
			time.Sleep(29 * time.Second)
			get(t, c, r, 1)
			time.Sleep(time.Second)
			get(t, c, r, 2)
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := &provider{reply: tt.reply}
				tt.steps(t, New(Config{Minter: p}), p)
			})
		})
	}
}

func TestDropDiscardsFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &provider{lifetime: time.Hour, latency: 10 * time.Second}
		c := New(Config{Minter: p})
		got := make(chan string, 1)
		go func() {
			tok, err := c.Token(context.Background(), Request{Key: work})
			got <- fmt.Sprint(tok.Access.Reveal(), err)
		}()
		synctest.Wait()
		c.Drop("work")
		synctest.Wait() // the caller has asked again, and waits for its turn
		wantCalls(t, p, 1)
		if g, w := <-got, "t2<nil>"; g != w {
			t.Errorf("the caller who waited: got %s, want %s", g, w)
		}
		get(t, c, Request{Key: work}, 2)
		if p.clash {
			t.Error("two flights of one account minted at once")
		}
	})
}

// A flight that waits for its turn when its account is dropped never asks the provider.
func TestDropEndsWaitingFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &provider{lifetime: time.Hour, latency: time.Second}
		c := New(Config{Minter: p})
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second/2)
		defer cancel()
		for _, scope := range []string{"", "a", "b"} {
			go func() { _, _ = c.Token(ctx, Request{Key: Key{Account: "work", Scopes: account.ScopeSetOf(scope)}}) }()
		}
		time.Sleep(700 * time.Millisecond) // the callers have left, so nobody asks again
		c.Drop("work")
		time.Sleep(10 * time.Second)
		wantTimes(t, p, start, 0)
	})
}

func TestDropForgetsEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := New(Config{Minter: &provider{lifetime: time.Hour}})
		c.Drop("work")
		c.Put(work, fresh(8, time.Hour))
		c.Put(Key{Account: "work", Scopes: account.ScopeSetOf("mail")}, fresh(9, time.Hour))
		c.Put(Key{Account: "play"}, fresh(10, time.Hour))
		c.Drop("work")
		if got := c.Schedule("work"); got != (Schedule{}) {
			t.Errorf("schedule: got %+v, want zero", got)
		}
		if len(c.slots) != 1 || len(c.queue) != 1 {
			t.Errorf("got %d accounts and %d queued, want 1 and 1", len(c.slots), len(c.queue))
		}
		get(t, c, Request{Key: work}, 1)
		get(t, c, Request{Key: Key{Account: "play"}}, 10)
	})
}

func TestPutSupersedesFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &provider{lifetime: time.Hour, latency: 10 * time.Second}
		c := New(Config{Minter: p})
		got := make(chan string, 1)
		go func() {
			tok, err := c.Token(context.Background(), Request{Key: work, Force: true})
			got <- fmt.Sprint(tok.Access.Reveal(), err)
		}()
		synctest.Wait()
		start := time.Now()
		c.Put(work, fresh(9, time.Hour))
		if g, w := <-got, "t9<nil>"; g != w || time.Since(start) != 0 {
			t.Errorf("the caller who waited: got %s after %v, want %s at once", g, time.Since(start), w)
		}
		time.Sleep(time.Minute)
		get(t, c, Request{Key: work}, 9)
		wantCalls(t, p, 1)
	})
}

func TestKeysAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &provider{lifetime: time.Hour}
		c := New(Config{Minter: p})
		key := func(n int) Key { return Key{Account: "work", Scopes: account.ScopeSetOf(fmt.Sprint(n))} }
		for n := range maxKeys {
			get(t, c, Request{Key: key(n)}, n+1)
			time.Sleep(time.Millisecond)
		}
		get(t, c, Request{Key: key(0)}, 1)
		time.Sleep(time.Millisecond)
		get(t, c, Request{Key: key(maxKeys)}, maxKeys+1) // key 1 goes
		get(t, c, Request{Key: key(0)}, 1)
		get(t, c, Request{Key: key(2)}, 3)
		if got := len(c.slots["work"].entries); got != maxKeys {
			t.Errorf("got %d keys, want %d", got, maxKeys)
		}
		get(t, c, Request{Key: key(1)}, maxKeys+2)
	})
}

func TestBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := New(Config{Minter: &provider{lifetime: time.Hour, latency: time.Second}})
		for n := range maxKeys {
			go func() {
				_, _ = c.Token(context.Background(), Request{Key: Key{Account: "work", Scopes: account.ScopeSetOf(fmt.Sprint(n))}})
			}()
		}
		synctest.Wait()
		if _, err := c.Token(t.Context(), Request{Key: work}); !errors.Is(err, ErrBusy) {
			t.Errorf("got %v, want ErrBusy", err)
		}
		time.Sleep(maxKeys * time.Second)
		if _, err := c.Token(t.Context(), Request{Key: work}); err != nil {
			t.Errorf("later: got %v, want a token", err)
		}
	})
}

func BenchmarkCacheHit(b *testing.B) {
	c := New(Config{})
	c.Put(work, fresh(1, time.Hour))
	ctx, r := context.Background(), Request{Key: work}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Token(ctx, r); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCacheHitParallel(b *testing.B) {
	c := New(Config{})
	c.Put(work, fresh(1, time.Hour))
	ctx, r := context.Background(), Request{Key: work}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := c.Token(ctx, r); err != nil {
				b.Fatal(err)
			}
		}
	})
}
