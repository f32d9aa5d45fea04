package token

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"oauthd/daemon/account"
)

// provider is a Minter that follows a script. Its clock is the bubble's.
type provider struct {
	// lifetime of the tokens; 0 means that they have no known end.
	lifetime time.Duration
	// latency passes before each answer.
	latency time.Duration
	// reply, if set, replaces the answer to call n (from 1).
	reply func(ctx context.Context, key Key, n int) (account.Token, error)

	mu    sync.Mutex
	calls []call
	busy  map[string]int
	clash bool
}

type call struct {
	key Key
	at  time.Time
}

func (p *provider) Mint(ctx context.Context, key Key) (account.Token, error) {
	p.mu.Lock()
	p.calls = append(p.calls, call{key, time.Now()})
	n := len(p.calls)
	if p.busy == nil {
		p.busy = make(map[string]int)
	}
	p.busy[key.Account]++
	p.clash = p.clash || p.busy[key.Account] > 1
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.busy[key.Account]--
	}()
	if err := sleep(ctx, p.latency); err != nil {
		return account.Token{}, err
	}
	if p.reply != nil {
		return p.reply(ctx, key, n)
	}
	return fresh(n, p.lifetime), nil
}

func (p *provider) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.calls)
}

// times returns when the calls came, counted from start.
func (p *provider) times(start time.Time) []time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []time.Duration
	for _, c := range p.calls {
		out = append(out, c.at.Sub(start))
	}
	return out
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// fresh returns the n-th token, of a lifetime from now.
func fresh(n int, lifetime time.Duration) account.Token {
	t := account.Token{Access: account.NewSecret(name(n)), Type: "Bearer", Lifetime: lifetime}
	if lifetime != 0 {
		t.Expiry = time.Now().Add(lifetime)
	}
	return t
}

func withIDToken(t account.Token, n int, lifetime time.Duration) account.Token {
	t.IDToken, t.IDTokenExpiry = account.NewSecret("id-"+name(n)), time.Now().Add(lifetime)
	return t
}

func name(n int) string { return fmt.Sprintf("t%d", n) }

// passing is a failure that may be over soon.
type passing struct{ retryAfter time.Duration }

func (passing) Error() string                  { return "provider unreachable" }
func (p passing) Pause() (time.Duration, bool) { return p.retryAfter, true }

var errDefinite = errors.New("login required")

func noJitter() float64 { return 0 }

var work = Key{Account: "work"}

// run runs c until the test ends, or until the returned function is called, which waits for Run to return.
func run(t *testing.T, c *Cache) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: got %v, want nil", err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// get asks for a token and fails the test unless it is the n-th.
func get(t *testing.T, c *Cache, r Request, n int) account.Token {
	t.Helper()
	tok, err := c.Token(context.Background(), r)
	if err != nil {
		t.Fatalf("Token(%+v): got error %v, want token %d", r, err, n)
	}
	if got := tok.Access.Reveal(); got != name(n) {
		t.Fatalf("Token(%+v): got token %q, want %q", r, got, name(n))
	}
	return tok
}

func wantCalls(t *testing.T, p *provider, want int) {
	t.Helper()
	if got := p.count(); got != want {
		t.Fatalf("provider was asked %d times, want %d", got, want)
	}
}

func wantTimes(t *testing.T, p *provider, start time.Time, want ...time.Duration) {
	t.Helper()
	if got := p.times(start); !slices.Equal(got, want) {
		t.Fatalf("provider was asked at %v, want %v", got, want)
	}
}

func ttl(d time.Duration) *time.Duration { return &d }
