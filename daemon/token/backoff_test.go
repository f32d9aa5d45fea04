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

// failing returns a reply that fails with err until the call after n, which is answered.
func failing(err error, n int) func(context.Context, Key, int) (account.Token, error) {
	return func(_ context.Context, _ Key, call int) (account.Token, error) {
		if call <= n {
			return account.Token{}, err
		}
		return fresh(call, time.Hour), nil
	}
}

func TestBackoffSchedule(t *testing.T) {
	tests := []struct {
		name   string
		jitter float64
		want   []time.Duration
	}{
		{"no jitter", 0, []time.Duration{1, 2, 4, 8, 16, 32, 60, 60}},
		{"much jitter", 0.8, []time.Duration{1, 2, 4, 8, 16, 32, 60, 60}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for count, base := range tt.want {
				want := time.Duration(float64(base*time.Second) * (1 - tt.jitter/4))
				if got := backoff(count, tt.jitter); got != want {
					t.Errorf("after %d failures: got %v, want %v", count, got, want)
				}
			}
			if got := backoff(1_000_000, 0); got != time.Minute {
				t.Errorf("after a million: got %v, want 1m0s", got)
			}
		})
	}
}

// Callers who keep asking for a token that has ended cost the provider no more than the back-off lets through.
func TestBackoffShieldsProvider(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &provider{reply: failing(fmt.Errorf("grant: %w", passing{}), 4)}
		c := New(Config{Minter: p, Jitter: noJitter})
		start := time.Now()
		for range 155 {
			_, err := c.Token(t.Context(), Request{Key: work})
			var backoff *BackoffError
			if !errors.As(err, &backoff) || !errors.As(err, &passing{}) {
				t.Fatalf("got %v, want a BackoffError around the provider's", err)
			}
			if wait := time.Until(backoff.RetryAt); wait <= 0 || wait > 8*time.Second {
				t.Fatalf("got a retry in %v, want one within 8s", wait)
			}
			if got := c.Schedule("work"); got.RetryAt != backoff.RetryAt || !errors.As(got.LastError, &passing{}) {
				t.Fatalf("schedule: got %+v, want a retry at %v", got, backoff.RetryAt)
			}
			time.Sleep(100 * time.Millisecond)
			if time.Since(start) >= 15*time.Second {
				break
			}
		}
		get(t, c, Request{Key: work}, 5)
		wantTimes(t, p, start, 0, time.Second, 3*time.Second, 7*time.Second, 15*time.Second)
		if got := c.Schedule("work"); got.LastError != nil || !got.RetryAt.IsZero() {
			t.Errorf("schedule after success: got %+v, want no error", got)
		}
	})
}

func TestRetryAfter(t *testing.T) {
	tests := []struct {
		name             string
		retryAfter, want time.Duration
	}{
		{"none", 0, time.Second},
		{"shorter than ours", time.Millisecond, time.Second},
		{"longer than ours", 7 * time.Minute, 7 * time.Minute},
		{"out of all proportion", 1000 * time.Hour, time.Hour},
		{"negative", -time.Hour, time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := &provider{reply: failing(passing{tt.retryAfter}, 1)}
				c := New(Config{Minter: p, Jitter: noJitter})
				start := time.Now()
				var backoff *BackoffError
				if _, err := c.Token(t.Context(), Request{Key: work}); !errors.As(err, &backoff) {
					t.Fatalf("got %v, want a BackoffError", err)
				}
				if got := backoff.RetryAt.Sub(start); got != tt.want {
					t.Errorf("got a retry after %v, want %v", got, tt.want)
				}
				time.Sleep(tt.want - time.Nanosecond)
				if _, err := c.Token(t.Context(), Request{Key: work}); !errors.As(err, &backoff) {
					t.Errorf("just before: got %v, want a BackoffError", err)
				}
				time.Sleep(time.Nanosecond)
				get(t, c, Request{Key: work}, 2)
				wantCalls(t, p, 2)
			})
		})
	}
}

func TestForceAndBackoff(t *testing.T) {
	t.Run("our own back-off is bypassed", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := New(Config{Minter: &provider{reply: failing(passing{}, 1)}})
			_, _ = c.Token(t.Context(), Request{Key: work})
			get(t, c, Request{Key: work, Force: true}, 2)
		})
	})
	t.Run("others share the forced flight", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			p := &provider{latency: 100 * time.Millisecond, reply: failing(passing{}, 1)}
			c := New(Config{Minter: p})
			_, _ = c.Token(t.Context(), Request{Key: work})
			go func() { _, _ = c.Token(context.Background(), Request{Key: work, Force: true}) }()
			synctest.Wait()
			get(t, c, Request{Key: work}, 2)
			wantCalls(t, p, 2)
		})
	})
	t.Run("a login ends it", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := New(Config{Minter: &provider{reply: failing(passing{time.Hour}, 1)}})
			_, _ = c.Token(t.Context(), Request{Key: work})
			c.Put(work, fresh(9, time.Hour))
			if got := c.Schedule("work"); got.LastError != nil || !got.RetryAt.IsZero() {
				t.Errorf("schedule: got %+v, want no error", got)
			}
			get(t, c, Request{Key: work, Force: true}, 2)
		})
	})
	t.Run("Retry-After is not, even with a valid token", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			p := &provider{reply: failing(passing{10 * time.Second}, 1)}
			c := New(Config{Minter: p})
			c.Put(work, fresh(9, time.Hour))
			for range 3 {
				var backoff *BackoffError
				if _, err := c.Token(t.Context(), Request{Key: work, Force: true}); !errors.As(err, &backoff) {
					t.Fatalf("got %v, want a BackoffError", err)
				}
			}
			wantCalls(t, p, 1)
			get(t, c, Request{Key: work}, 9)
			time.Sleep(10 * time.Second)
			get(t, c, Request{Key: work, Force: true}, 2)
		})
	})
}

func TestValidTokenIsServedWhileRefreshingFails(t *testing.T) {
	for _, err := range []error{passing{}, errDefinite} {
		t.Run(err.Error(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := &provider{reply: failing(err, 1000)}
				c := New(Config{Minter: p})
				c.Put(work, withIDToken(fresh(9, time.Hour), 9, 59*time.Minute+40*time.Second))
				time.Sleep(59*time.Minute + 30*time.Second)
				for range 5 {
					get(t, c, Request{Key: work}, 9)
					get(t, c, Request{Key: work, IDToken: true}, 9)
				}
				if _, got := c.Token(t.Context(), Request{Key: work, Force: true}); !errors.Is(got, err) {
					t.Errorf("forced: got %v, want %v", got, err)
				}
				time.Sleep(10 * time.Second)
				get(t, c, Request{Key: work}, 9)
				if _, got := c.Token(t.Context(), Request{Key: work, IDToken: true}); !errors.Is(got, err) {
					t.Errorf("after the ID token's end: got %v, want %v", got, err)
				}
				time.Sleep(20 * time.Second)
				if _, got := c.Token(t.Context(), Request{Key: work}); !errors.Is(got, err) {
					t.Errorf("after its end: got %v, want %v", got, err)
				}
			})
		})
	}
}

// A provider that has failed may hang next; with a valid token at hand nobody waits for it.
func TestNobodyWaitsForFailingProviderWithValidToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &provider{reply: func(ctx context.Context, _ Key, n int) (account.Token, error) {
			if n == 1 {
				return account.Token{}, passing{}
			}
			return fresh(n, time.Hour), sleep(ctx, 10*time.Second)
		}}
		c := New(Config{Minter: p})
		c.Put(work, fresh(9, time.Hour))
		time.Sleep(59*time.Minute + 30*time.Second)
		get(t, c, Request{Key: work}, 9)
		time.Sleep(time.Second)
		start := time.Now()
		get(t, c, Request{Key: work}, 9)
		get(t, c, Request{Key: work}, 9)
		if got := time.Since(start); got != 0 {
			t.Errorf("took %v, want no time", got)
		}
		get(t, c, Request{Key: work, MinTTL: ttl(time.Minute)}, 2) // who asks for more waits for it
		wantCalls(t, p, 2)
	})
}

func TestDefiniteErrorIsNotRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &provider{reply: failing(errDefinite, 2)}
		c := New(Config{Minter: p})
		for range 2 {
			_, err := c.Token(t.Context(), Request{Key: work})
			var backoff *BackoffError
			if !errors.Is(err, errDefinite) || errors.As(err, &backoff) {
				t.Errorf("got %v, want %v without back-off", err, errDefinite)
			}
			if got := c.Schedule("work"); !errors.Is(got.LastError, errDefinite) || !got.RetryAt.IsZero() {
				t.Errorf("schedule: got %+v, want the error and no retry", got)
			}
		}
		get(t, c, Request{Key: work}, 3)
	})
}

// A clock set back must not stretch a back-off.
func TestClockSetBackEndsBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var offset time.Duration
		c := New(Config{
			Minter: &provider{reply: failing(passing{time.Hour}, 1)},
			Now:    func() time.Time { return time.Now().Add(offset) },
		})
		_, _ = c.Token(t.Context(), Request{Key: work})
		offset = -24 * time.Hour
		get(t, c, Request{Key: work}, 2)
	})
}
