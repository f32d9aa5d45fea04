package token

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"oauthd/daemon/account"
)

// However the clock is set, a token is served for as long as it lives by the provider's, and renewed in time.
func TestWakeAfterTheClockWasSet(t *testing.T) {
	for _, tt := range []struct {
		name string
		by   []time.Duration
		// fresh is for how long the token is served yet, half an hour after it came.
		fresh time.Duration
	}{
		{"back by hours", []time.Duration{-5 * time.Hour}, 25 * time.Minute},
		{"back by less than its age", []time.Duration{-20 * time.Minute}, 25 * time.Minute},
		{"back twice", []time.Duration{-time.Hour, -time.Hour}, 25 * time.Minute},
		{"ahead, and back where it was", []time.Duration{10 * time.Minute, -10 * time.Minute}, 25 * time.Minute},
		// A suspend looks the same.
		{"ahead", []time.Duration{10 * time.Minute}, 15 * time.Minute},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var ahead atomic.Int64
				now := func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
				p := &provider{reply: func(_ context.Context, _ Key, n int) (account.Token, error) {
					tok := fresh(n, time.Hour)
					tok.Expiry = now().Add(time.Hour)
					return withIDToken(tok, n, time.Hour), nil
				}}
				c := New(Config{Minter: p, Now: now, Jitter: noJitter})
				run(t, c)
				get(t, c, Request{Key: work}, 1)
				time.Sleep(30 * time.Minute)
				for _, by := range tt.by {
					ahead.Add(int64(by))
					c.Wake()
					synctest.Wait()
				}
				if got := c.Schedule("work").NextRefreshAt.Sub(now().Round(0)); got != tt.fresh {
					t.Errorf("got a refresh in %v, want in %v", got, tt.fresh)
				}
				time.Sleep(tt.fresh - time.Second)
				tok := get(t, c, Request{Key: work, IDToken: true}, 1)
				if left := tok.Expiry.Sub(now()); left != 5*time.Minute+time.Second {
					t.Errorf("got a token that says %v to live, want 5m1s", left)
				}
				time.Sleep(time.Second)
				synctest.Wait()
				get(t, c, Request{Key: work}, 2)
			})
		})
	}
}
