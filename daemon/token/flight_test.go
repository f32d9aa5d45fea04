package token

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"oauthd/daemon/account"
)

func TestSingleFlight(t *testing.T) {
	tests := []struct {
		name  string
		force bool
	}{{"at an expired token", false}, {"forced", true}}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := &provider{lifetime: time.Hour, latency: time.Second}
				c := New(Config{Minter: p})
				c.Put(work, fresh(9, time.Minute))
				if !tt.force {
					time.Sleep(time.Minute)
				}
				start := time.Now()
				var callers sync.WaitGroup
				for range 100 {
					callers.Go(func() {
						tok, err := c.Token(context.Background(), Request{Key: work, Force: tt.force})
						if err != nil || tok.Access.Reveal() != "t1" {
							t.Errorf("got %q, %v, want t1", tok.Access.Reveal(), err)
						}
					})
				}
				callers.Wait()
				wantCalls(t, p, 1)
				if got := time.Since(start); got != time.Second {
					t.Errorf("took %v, want 1s", got)
				}
			})
		})
	}
}

func TestForceSharesFlightUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &provider{lifetime: time.Hour, latency: 2 * time.Second}
		c := New(Config{Minter: p})
		go func() { _, _ = c.Token(context.Background(), Request{Key: work}) }()
		time.Sleep(time.Second)
		get(t, c, Request{Key: work, Force: true}, 1)
		get(t, c, Request{Key: work, Force: true}, 2)
		get(t, c, Request{Key: work}, 2)
		wantCalls(t, p, 2)
	})
}

func TestCallerWhoLeavesCancelsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen account.Caller
		p := &provider{latency: 10 * time.Second, reply: func(ctx context.Context, _ Key, n int) (account.Token, error) {
			seen, _ = account.CallerFrom(ctx)
			return fresh(n, time.Hour), ctx.Err()
		}}
		c := New(Config{Minter: p})
		ctx, cancel := context.WithTimeout(account.WithCaller(context.Background(), account.Caller{PID: 7}), time.Second)
		defer cancel()
		start := time.Now()
		_, err := c.Token(ctx, Request{Key: work})
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Second {
			t.Errorf("got %v after %v, want its deadline after 1s", err, time.Since(start))
		}
		get(t, c, Request{Key: work}, 1) // the flight went on
		if got := time.Since(start); got != 10*time.Second {
			t.Errorf("took %v, want 10s", got)
		}
		if seen.PID != 7 {
			t.Errorf("the flight's caller: got pid %d, want 7", seen.PID)
		}
		if _, err := c.Token(ctx, Request{Key: work, Force: true}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("caller who has left already: got %v, want its deadline", err)
		}
		wantCalls(t, p, 1)
	})
}

func TestSlowAccountDelaysNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &provider{reply: func(ctx context.Context, key Key, n int) (account.Token, error) {
			if key.Account == "slow" {
				<-ctx.Done()
				return account.Token{}, ctx.Err()
			}
			return fresh(1, time.Hour), nil
		}}
		c := New(Config{Minter: p})
		var slow sync.WaitGroup
		for n := range 20 {
			slow.Go(func() {
				_, err := c.Token(context.Background(), Request{Key: Key{Account: "slow", Scopes: account.ScopeSetOf(fmt.Sprint(n % 2))}})
				var backoff *BackoffError
				if !errors.Is(err, context.DeadlineExceeded) || !errors.As(err, &backoff) {
					t.Errorf("slow: got %v, want a deadline, backed off from", err)
				}
			})
		}
		synctest.Wait()
		start := time.Now()
		get(t, c, Request{Key: work}, 1)
		get(t, c, Request{Key: work}, 1)
		if got := time.Since(start); got != 0 {
			t.Errorf("took %v, want no time", got)
		}
		slow.Wait()
		if got := time.Since(start); got != 60*time.Second {
			t.Errorf("two keys of a hanging provider took %v, want twice 30s", got)
		}
	})
}

func TestKeysOfOneAccountTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &provider{lifetime: time.Hour, latency: time.Second}
		c := New(Config{Minter: p})
		start := time.Now()
		var callers sync.WaitGroup
		for n := range 4 {
			callers.Go(func() {
				_, _ = c.Token(context.Background(), Request{Key: Key{Account: "work", Scopes: account.ScopeSetOf(fmt.Sprint(n))}})
			})
		}
		callers.Wait()
		wantTimes(t, p, start, 0, time.Second, 2*time.Second, 3*time.Second)
		if p.clash {
			t.Error("two flights of one account minted at once")
		}
	})
}

func TestShutdown(t *testing.T) {
	tests := []struct {
		name    string
		latency time.Duration
		takes   time.Duration
		want    string
	}{
		{"waits for a flight", 3 * time.Second, 3 * time.Second, "t1"},
		{"cancels a flight after the grace", 20 * time.Second, grace, "context canceled"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := &provider{lifetime: time.Hour, latency: tt.latency}
				c := New(Config{Minter: p})
				stop := run(t, c)
				got := make(chan string, 2)
				ask := func(key Key) {
					tok, err := c.Token(context.Background(), Request{Key: key})
					var backoff *BackoffError
					switch {
					case errors.As(err, &backoff):
						got <- backoff.Err.Error()
					case err != nil:
						got <- err.Error()
					default:
						got <- tok.Access.Reveal()
					}
				}
				go ask(work)
				synctest.Wait()
				go ask(Key{Account: "work", Scopes: account.ScopeSetOf("waits for its turn")})
				synctest.Wait()
				start := time.Now()
				stop()
				if took := time.Since(start); took != tt.takes {
					t.Errorf("took %v, want %v", took, tt.takes)
				}
				if g, w := []string{<-got, <-got}, []string{ErrClosed.Error(), tt.want}; !slices.Equal(g, w) {
					t.Errorf("callers got %q, want %q", g, w)
				}
				wantCalls(t, p, 1)
				if _, err := c.Token(context.Background(), Request{Key: work}); !errors.Is(err, ErrClosed) {
					t.Errorf("after shutdown: got %v, want ErrClosed", err)
				}
				if err := c.Run(context.Background()); err == nil {
					t.Error("second Run: got nil, want an error")
				}
			})
		})
	}
}

// A keychain that hangs fails each refresh, for good as far as the cache knows, after its 3 s: nobody waits for that with
// a valid token at hand once it is known.
func TestValidTokenDoesNotWaitForWhatFailsSlowly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &provider{latency: 3 * time.Second, reply: func(context.Context, Key, int) (account.Token, error) {
			return account.Token{}, errDefinite
		}}
		c := New(Config{Minter: p})
		run(t, c)
		c.Put(work, fresh(9, time.Hour))
		time.Sleep(59*time.Minute + 10*time.Second)
		wantCalls(t, p, 1) // ahead of expiry
		for range 3 {
			start := time.Now()
			get(t, c, Request{Key: work}, 9)
			if waited := time.Since(start); waited != 0 {
				t.Errorf("got the token after %v, want it at once", waited)
			}
			time.Sleep(4 * time.Second)
		}
		wantCalls(t, p, 4) // each of them asked all the same
		p.reply = nil
		p.lifetime = time.Hour
		get(t, c, Request{Key: work}, 9)
		time.Sleep(4 * time.Second)
		get(t, c, Request{Key: work}, 5)
	})
}
