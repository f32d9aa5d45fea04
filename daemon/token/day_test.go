package token

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"oauthd/daemon/account"
)

// world is a thousand accounts' providers, each answering in its own time and giving its own lifetime.
type world struct {
	t   *testing.T
	now func() time.Time

	mu     sync.Mutex // guards the fields below
	down   bool
	busy   map[string]bool
	second map[int64]int // requests by the second they came
	count  map[string]int
}

const (
	accountsOfTheDay = 1000
	latencyOfTheDay  = 200 * time.Millisecond
	// What backs off asks again within a minute.
	recovery = 62 * time.Second
)

// lifetimeOf is that of an account's tokens; 0 is a token whose end is not told, or that has none.
func lifetimeOf(n int) time.Duration {
	switch {
	case n < 5:
		return time.Minute
	case n < 20:
		return 5 * time.Minute
	case n < 50:
		return 10 * time.Minute
	}
	return [...]time.Duration{time.Hour, time.Hour, 0, time.Hour, 8 * time.Hour, time.Hour, 24 * time.Hour, 90 * 24 * time.Hour}[n%8]
}

func (w *world) Mint(ctx context.Context, key Key) (account.Token, error) {
	var n int
	_, _ = fmt.Sscanf(key.Account, "a%d", &n)
	w.mu.Lock()
	if w.busy[key.Account] {
		w.t.Errorf("%s: two requests at once", key.Account)
	}
	w.busy[key.Account] = true
	w.second[time.Now().Unix()]++
	w.count[key.Account]++
	down := w.down
	w.mu.Unlock()
	sent := w.now()
	err := sleep(ctx, latencyOfTheDay)
	w.mu.Lock()
	w.busy[key.Account] = false
	w.mu.Unlock()
	if err != nil {
		return account.Token{}, err
	}
	if down {
		return account.Token{}, passing{}
	}
	tok := account.Token{Type: "Bearer", Lifetime: lifetimeOf(n)}
	if tok.Lifetime > 0 {
		tok.Expiry = sent.Add(tok.Lifetime)
	}
	return tok, nil
}

// peak returns the most requests in any second since from, and how many came at all.
func (w *world) peak(from time.Time) (most, all int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for at, n := range w.second {
		if at >= from.Unix() {
			most, all = max(most, n), all+n
		}
	}
	return most, all
}

// A day: logins all at once in the morning, an hour without network at nine, a suspend of three hours at noon.
func TestADayOfAThousandAccounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var offset atomic.Int64
		now := func() time.Time { return time.Now().Add(time.Duration(offset.Load())).Round(0) }
		w := &world{t: t, now: now, busy: map[string]bool{}, second: map[int64]int{}, count: map[string]int{}}
		c := New(Config{Minter: w, Now: now})
		stop := run(t, c)
		began := time.Now()
		for n := range accountsOfTheDay {
			tok := account.Token{Type: "Bearer", Lifetime: lifetimeOf(n)}
			if tok.Lifetime > 0 {
				tok.Expiry = now().Add(tok.Lifetime)
			}
			c.Put(Key{Account: fmt.Sprintf("a%d", n)}, tok)
		}
		outage, back := began.Add(9*time.Hour), began.Add(10*time.Hour)
		excused := func(at time.Time) bool { return at.After(outage) && at.Before(back.Add(recovery)) }
		var callers sync.WaitGroup
		for n := range accountsOfTheDay {
			callers.Go(func() { ask(t, c, n, now, excused, began.Add(24*time.Hour)) })
		}

		time.Sleep(50 * time.Minute)
		morning := time.Now()
		time.Sleep(11 * time.Minute) // the tokens of an hour, given at one moment, come due in this time
		// Eight at a time ahead of expiry is the ceiling; the jitter keeps well below.
		if most, all := w.peak(morning); most > 30 || all < 400 {
			t.Errorf("the first hour's end: got %d requests, %d in one second; want them spread", all, most)
		}

		time.Sleep(time.Until(outage))
		set := func(down bool) { w.mu.Lock(); defer w.mu.Unlock(); w.down = down; clear(w.count) }
		set(true)
		time.Sleep(time.Until(back))
		w.mu.Lock()
		for name, n := range w.count {
			if n > 3600/45+8 {
				t.Errorf("%s: asked %d times in an hour without network, want back-off", name, n)
			}
		}
		w.mu.Unlock()
		set(false)
		time.Sleep(3 * time.Minute)
		if most, _ := w.peak(back); most > 60 {
			t.Errorf("network's return: got %d requests in one second, want no herd", most)
		}

		time.Sleep(time.Until(began.Add(12 * time.Hour)))
		resumed := time.Now()
		offset.Add(int64(3 * time.Hour))
		c.Wake()
		time.Sleep(3 * time.Minute)
		if most, all := w.peak(resumed); most > 60 || all < 500 {
			t.Errorf("resume: got %d requests, %d in one second; want all that is due, and no herd", all, most)
		}
		callers.Wait()
		if _, all := w.peak(began); all > 80_000 {
			t.Errorf("got %d requests in a day, want what lifetimes and back-off explain", all)
		}
		stop()
	})
}

// ask is one account's callers: now and then one that wants a token for some time to come.
func ask(t *testing.T, c *Cache, n int, now func() time.Time, excused func(time.Time) bool, until time.Time) {
	random := rand.New(rand.NewPCG(uint64(n), 1))
	pause := int64(80 * time.Minute)
	if n < 5 {
		pause = int64(time.Minute)
	}
	minTTLs := []*time.Duration{nil, nil, ttl(0), ttl(30 * time.Second), ttl(4 * time.Minute), ttl(2 * time.Hour)}
	for {
		time.Sleep(time.Duration(random.Int64N(pause)))
		if time.Now().After(until) {
			return
		}
		lifetime, minTTL := lifetimeOf(n), minTTLs[random.IntN(len(minTTLs))]
		tok, err := c.Token(context.Background(), Request{Key: Key{Account: fmt.Sprintf("a%d", n)}, MinTTL: minTTL})
		if err != nil {
			if !excused(time.Now()) {
				t.Errorf("a%d, lifetime %v: got %v, want a token", n, lifetime, err)
			}
			continue
		}
		if tok.Expiry.IsZero() != (lifetime == 0) {
			t.Errorf("a%d: got an end at %v", n, tok.Expiry)
		}
		if lifetime == 0 {
			continue
		}
		want := min(time.Minute, lifetime/4)
		if minTTL != nil {
			want = *minTTL
		}
		// Of a token that never lives as long as is asked, one minted a moment ago serves: of less than a quarter, or a minute.
		if atMost := lifetime - latencyOfTheDay; want > atMost {
			want = lifetime - min(time.Minute, lifetime/4) - latencyOfTheDay
		}
		if left := tok.Expiry.Sub(now()); left < want && !excused(time.Now()) || left <= 0 {
			t.Errorf("a%d, lifetime %v: got a token with %v left, want %v", n, lifetime, left, want)
		}
	}
}
