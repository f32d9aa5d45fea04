package token

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"oauthd/daemon/account"
)

// A token that lives for a moment would be refreshed forever without anybody asking.
func TestShortLivedTokenIsRenewedAtUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &provider{lifetime: 4 * time.Second}
		c := New(Config{Minter: p})
		run(t, c)
		c.Put(work, fresh(9, 4*time.Second))
		synctest.Wait()
		if got := c.Schedule("work").NextRefreshAt; !got.IsZero() {
			t.Errorf("schedule: got a refresh at %v, want none", got)
		}
		time.Sleep(time.Hour)
		wantCalls(t, p, 0)
		get(t, c, Request{Key: work}, 1)
	})
}

func TestRefreshAheadOfExpiry(t *testing.T) {
	tests := []struct {
		lifetime, latest, earliest time.Duration
	}{
		{5 * time.Second, 3 * time.Second, 2750 * time.Millisecond},
		{time.Minute, 36 * time.Second, 33 * time.Second},
		{5 * time.Minute, 3 * time.Minute, 165 * time.Second},
		{time.Hour, 55 * time.Minute, 54 * time.Minute},
		{90 * 24 * time.Hour, 90*24*time.Hour - 5*time.Minute, 90*24*time.Hour - 6*time.Minute},
	}
	for _, tt := range tests {
		for _, jitter := range []float64{0, 0.999} {
			t.Run(fmt.Sprint(tt.lifetime, " ", jitter), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					p := &provider{lifetime: tt.lifetime}
					c := New(Config{Minter: p, Jitter: func() float64 { return jitter }})
					run(t, c)
					start := time.Now()
					c.Put(work, fresh(9, tt.lifetime))
					want := tt.latest - time.Duration(jitter*float64(tt.latest-tt.earliest))
					synctest.Wait()
					if got := c.Schedule("work").NextRefreshAt.Sub(start); got.Round(time.Millisecond) != want.Round(time.Millisecond) {
						t.Errorf("schedule: got a refresh after %v, want %v", got, want)
					}
					// Asked for half an hour before, so that the 90 days are not idle.
					time.Sleep(max(want-30*time.Minute, 0))
					get(t, c, Request{Key: work}, 9)
					time.Sleep(time.Until(start.Add(want + time.Millisecond)))
					synctest.Wait()
					get(t, c, Request{Key: work}, 1)
					if got := p.times(start); len(got) != 1 || got[0].Round(time.Millisecond) != want.Round(time.Millisecond) {
						t.Errorf("provider was asked at %v, want %v", got, want)
					}
				})
			})
		}
	}
}

// A caller who keeps asking while the daemon refreshes ahead never waits for the provider.
func TestRefreshAheadHidesLatency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &provider{lifetime: time.Minute, latency: 2 * time.Second}
		c := New(Config{Minter: p})
		run(t, c)
		c.Put(work, fresh(9, time.Minute))
		for range 600 {
			start := time.Now()
			if _, err := c.Token(t.Context(), Request{Key: work}); err != nil || time.Since(start) != 0 {
				t.Fatalf("got %v after %v, want a token at once", err, time.Since(start))
			}
			time.Sleep(time.Second)
		}
		if got := p.count(); got < 14 || got > 18 {
			t.Errorf("provider was asked %d times in ten minutes, want about one in 36s", got)
		}
	})
}

func TestNoRefreshAhead(t *testing.T) {
	late := func(d time.Duration) account.Token {
		tok := fresh(9, d)
		tok.RefreshLate = true
		return tok
	}
	tests := []struct {
		name  string
		token func() account.Token
		run   bool
	}{
		{"where a refresh kills the token", func() account.Token { return late(time.Hour) }, true},
		{"without a known end", func() account.Token { return fresh(9, 0) }, true},
		{"while Run does not run", func() account.Token { return fresh(9, time.Hour) }, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := &provider{lifetime: time.Hour}
				c := New(Config{Minter: p})
				if tt.run {
					run(t, c)
				}
				tok := tt.token()
				c.Put(work, tok)
				synctest.Wait()
				if got := c.Schedule("work"); !got.NextRefreshAt.IsZero() || !got.ExpiresAt.Equal(tok.Expiry) {
					t.Errorf("schedule: got %+v, want no refresh and the end at %v", got, tok.Expiry)
				}
				time.Sleep(59 * time.Minute)
				get(t, c, Request{Key: work}, 9)
				time.Sleep(2 * time.Minute)
				wantCalls(t, p, 0)
				if !tok.Expiry.IsZero() {
					get(t, c, Request{Key: work}, 1)
				}
			})
		})
	}
}

func TestRefreshRetriesWithBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &provider{reply: failing(passing{}, 3)}
		c := New(Config{Minter: p, Jitter: noJitter})
		run(t, c)
		start := time.Now()
		c.Put(work, fresh(9, time.Hour))
		time.Sleep(56 * time.Minute)
		at := 55 * time.Minute
		wantTimes(t, p, start, at, at+time.Second, at+3*time.Second, at+7*time.Second)
		get(t, c, Request{Key: work}, 4)
	})
}

func TestDefiniteErrorEndsRefreshUntilNextToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &provider{reply: failing(errDefinite, 1)}
		c := New(Config{Minter: p, Jitter: noJitter})
		run(t, c)
		start := time.Now()
		c.Put(work, fresh(9, time.Hour))
		time.Sleep(10 * time.Hour)
		wantTimes(t, p, start, 55*time.Minute)
		get(t, c, Request{Key: work}, 2)
		time.Sleep(time.Hour)
		wantTimes(t, p, start, 55*time.Minute, 10*time.Hour, 10*time.Hour+55*time.Minute)
	})
}

func TestIdleKeyIsLeftAloneAndForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &provider{lifetime: time.Hour}
		c := New(Config{Minter: p, Jitter: noJitter})
		run(t, c)
		c.Put(work, fresh(9, time.Hour))
		time.Sleep(24 * time.Hour)
		const aDay = 26 // one in 55 min
		wantCalls(t, p, aDay)
		time.Sleep(12 * time.Hour)
		wantCalls(t, p, aDay)
		synctest.Wait()
		c.mu.Lock()
		defer c.mu.Unlock()
		if len(c.slots) != 0 || len(c.queue) != 0 {
			t.Errorf("got %d accounts and %d queued, want none", len(c.slots), len(c.queue))
		}
	})
}

func TestEndedTokenIsForgottenADayAfterLastRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := New(Config{})
		run(t, c)
		tok := fresh(9, 10*time.Hour)
		tok.RefreshLate = true
		c.Put(work, tok)
		time.Sleep(9 * time.Hour)
		get(t, c, Request{Key: work}, 9)
		time.Sleep(24*time.Hour - time.Second)
		if got := c.Schedule("work"); !got.ExpiresAt.Equal(tok.Expiry) {
			t.Errorf("just before: got %+v, want the end at %v", got, tok.Expiry)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if got := c.Schedule("work"); got != (Schedule{}) {
			t.Errorf("after: got %+v, want zero", got)
		}
	})
}

// A provider that hands out tokens about to end is not asked in a tight loop.
func TestShortAnswersDoNotSpin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &provider{latency: time.Millisecond, reply: func(_ context.Context, _ Key, n int) (account.Token, error) {
			tok := fresh(n, time.Minute)
			tok.Lifetime = time.Hour
			return tok, nil
		}}
		c := New(Config{Minter: p})
		run(t, c)
		_, _ = c.Token(t.Context(), Request{Key: work})
		time.Sleep(10 * time.Second)
		if got := p.count(); got > 11 {
			t.Errorf("provider was asked %d times in 10s, want at most 11", got)
		}
	})
}

func TestIdleKeyAskedForAgainIsRefreshed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &provider{lifetime: 30 * time.Minute}
		c := New(Config{Minter: p, Jitter: noJitter})
		run(t, c)
		c.Put(work, fresh(9, 24*time.Hour+4*time.Minute+30*time.Minute))
		time.Sleep(24*time.Hour + 30*time.Minute) // past the refresh that was called off
		wantCalls(t, p, 0)
		get(t, c, Request{Key: work}, 9)
		time.Sleep(2 * time.Second)
		wantCalls(t, p, 1)
		get(t, c, Request{Key: work}, 1)
	})
}

// A machine that slept for hours notices within the cap, and asks for 8 tokens at a time.
func TestClockJump(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var offset atomic.Int64
		now := func() time.Time { return time.Now().Add(time.Duration(offset.Load())).Round(0) }
		var flying, most atomic.Int64
		p := &provider{reply: func(ctx context.Context, _ Key, n int) (account.Token, error) {
			most.Store(max(most.Load(), flying.Add(1)))
			defer flying.Add(-1)
			if err := sleep(ctx, time.Second); err != nil {
				return account.Token{}, err
			}
			return account.Token{Expiry: now().Add(time.Hour), Lifetime: time.Hour}, nil
		}}
		c := New(Config{Minter: p, Now: now})
		run(t, c)
		for n := range 100 {
			c.Put(Key{Account: fmt.Sprint(n)}, account.Token{Expiry: now().Add(time.Hour), Lifetime: time.Hour})
		}
		time.Sleep(5 * time.Minute)
		wantCalls(t, p, 0)
		offset.Add(int64(2 * time.Hour))
		time.Sleep(maxSleep)
		synctest.Wait()
		if got := p.count(); got < maxProactive {
			t.Errorf("within %v: provider was asked %d times, want at least %d", maxSleep, got, maxProactive)
		}
		time.Sleep(20 * time.Second)
		wantCalls(t, p, 100)
		if got := most.Load(); got != maxProactive {
			t.Errorf("got %d refreshes at once, want %d", got, maxProactive)
		}
	})
}

// The keys of one hanging account must not take all places.
func TestHangingAccountLeavesPlacesForOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &provider{reply: func(ctx context.Context, key Key, n int) (account.Token, error) {
			if key.Account == "slow" {
				<-ctx.Done()
				return account.Token{}, ctx.Err()
			}
			return fresh(1, time.Hour), nil
		}}
		c := New(Config{Minter: p, Jitter: noJitter})
		run(t, c)
		for n := range 2 * maxProactive {
			c.Put(Key{Account: "slow", Scopes: account.ScopeSetOf(fmt.Sprint(n))}, fresh(8, 30*time.Minute))
		}
		c.Put(work, fresh(9, 30*time.Minute+time.Second))
		time.Sleep(25*time.Minute + 2*time.Second)
		get(t, c, Request{Key: work}, 1)
		// Then the keys go one after another.
		time.Sleep(2*maxProactive*30*time.Second - 3*time.Second)
		p.mu.Lock()
		defer p.mu.Unlock()
		asked := make(map[Key]bool)
		for _, call := range p.calls {
			asked[call.key] = true
		}
		if len(asked) < maxProactive || p.clash {
			t.Errorf("got %d keys asked for, two at once: %v; want each in its turn", len(asked), p.clash)
		}
	})
}

func TestManyAccounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const accounts = 10_000
		p := &provider{lifetime: time.Hour}
		c := New(Config{Minter: p})
		run(t, c)
		for n := range accounts {
			c.Put(Key{Account: fmt.Sprint(n)}, fresh(n, time.Hour))
		}
		time.Sleep(56 * time.Minute)
		wantCalls(t, p, accounts)
	})
}

func TestScheduleShowsFullTokenElseLastAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &provider{latency: time.Second, lifetime: time.Hour}
		c := New(Config{Minter: p, Jitter: noJitter})
		run(t, c)
		start := time.Now()
		c.Put(Key{Account: "work", Scopes: account.ScopeSetOf("a")}, fresh(1, time.Hour))
		time.Sleep(time.Second)
		c.Put(Key{Account: "work", Scopes: account.ScopeSetOf("b")}, fresh(2, 2*time.Hour))
		synctest.Wait()
		want := Schedule{ExpiresAt: start.Add(2*time.Hour + time.Second), NextRefreshAt: start.Add(115*time.Minute + time.Second)}
		if got := c.Schedule("work"); got != want {
			t.Errorf("no full token: got %+v, want %+v", got, want)
		}
		go func() { _, _ = c.Token(context.Background(), Request{Key: work}) }()
		synctest.Wait()
		if got := c.Schedule("work"); !got.Refreshing || !got.ExpiresAt.IsZero() {
			t.Errorf("under way: got %+v, want refreshing", got)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if got := c.Schedule("work"); got.Refreshing || !got.ExpiresAt.Equal(start.Add(time.Hour+2*time.Second)) {
			t.Errorf("after: got %+v, want the full token's end", got)
		}
		c.Put(Key{Account: "work", Scopes: account.ScopeSetOf("a")}, fresh(1, time.Minute))
		if got := c.Schedule("work"); !got.ExpiresAt.Equal(start.Add(time.Hour + 2*time.Second)) {
			t.Errorf("another key put later: got %+v, want the full token's end", got)
		}
		if got := c.Schedule("nobody"); got != (Schedule{}) {
			t.Errorf("unknown account: got %+v, want zero", got)
		}
	})
}
