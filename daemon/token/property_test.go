package token

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"oauthd/daemon/account"
)

// step is one thing that happens: after a pause a caller asks, a login or a logout comes, or the provider changes mood.
type step struct {
	pause    time.Duration
	what     string
	key      Key
	force    bool
	minTTL   *time.Duration
	lifetime time.Duration
	latency  time.Duration
	failing  bool
}

var steps = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) step {
	s := step{
		pause:    time.Duration(rapid.Int64Range(0, 90_000).Draw(t, "pause ms")) * time.Millisecond,
		what:     rapid.SampledFrom([]string{"ask", "ask", "ask", "ask", "login", "logout", "provider"}).Draw(t, "what"),
		key:      rapid.SampledFrom([]Key{{Account: "a"}, {Account: "a", Scopes: account.ScopeSetOf("x")}, {Account: "b"}}).Draw(t, "key"),
		force:    rapid.IntRange(0, 4).Draw(t, "force") == 0,
		lifetime: time.Duration(rapid.Int64Range(1, 600).Draw(t, "lifetime s")) * time.Second,
		latency:  time.Duration(rapid.Int64Range(0, 5000).Draw(t, "latency ms")) * time.Millisecond,
		failing:  rapid.IntRange(0, 2).Draw(t, "failing") == 0,
	}
	if rapid.IntRange(0, 3).Draw(t, "has min TTL") == 0 {
		s.minTTL = ttl(time.Duration(rapid.Int64Range(0, 900).Draw(t, "min TTL s")) * time.Second)
	}
	return s
}), 1, 60)

// Whatever happens, a served token has not ended, is not of a login that is over, and each account is asked for one at
// a time.
func TestProperties(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		script := steps.Draw(rt, "steps")
		var fault string
		synctest.Test(t, func(t *testing.T) { fault = play(t, script) })
		if fault != "" {
			rt.Fatal(fault)
		}
	})
}

func play(t *testing.T, script []step) (fault string) {
	var mu sync.Mutex // guards the fields below
	complain := func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		if fault == "" {
			fault = fmt.Sprintf(format, args...)
		}
	}
	mood := step{lifetime: time.Minute}
	login := map[string]int{} // the number of the account's login, which its tokens carry in Type
	busy := map[string]bool{}

	mint := func(ctx context.Context, key Key, n int) (account.Token, error) {
		mu.Lock()
		m, l, clash := mood, login[key.Account], busy[key.Account]
		busy[key.Account] = true
		mu.Unlock()
		if clash {
			complain("account %s: two requests at once", key.Account)
		}
		err := sleep(ctx, m.latency)
		mu.Lock()
		busy[key.Account] = false
		mu.Unlock()
		if err == nil && m.failing {
			err = passing{}
		}
		tok := fresh(n, m.lifetime)
		tok.Type = fmt.Sprint(l)
		return tok, err
	}
	c := New(Config{Minter: &provider{reply: mint}})
	stop := run(t, c)

	var callers sync.WaitGroup
	for i, s := range script {
		time.Sleep(s.pause)
		mu.Lock()
		l := login[s.key.Account]
		switch s.what {
		case "provider":
			mood = s
		case "login", "logout":
			login[s.key.Account]++
			l++
		}
		mu.Unlock()
		switch s.what {
		case "logout":
			c.Drop(s.key.Account)
		case "login":
			c.Drop(s.key.Account)
			tok := fresh(-i, s.lifetime)
			tok.Type = fmt.Sprint(l)
			c.Put(s.key, tok)
		case "ask":
			callers.Go(func() {
				tok, err := c.Token(context.Background(), Request{Key: s.key, Force: s.force, MinTTL: s.minTTL})
				if err != nil {
					return
				}
				if !tok.Expiry.After(time.Now()) {
					complain("step %d: token ended %v ago", i, time.Since(tok.Expiry))
				}
				var served int
				if _, err := fmt.Sscan(tok.Type, &served); err != nil || served < l {
					complain("step %d: got a token of login %d, asked during %d", i, served, l)
				}
			})
		}
	}
	callers.Wait()
	stop()
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, e := range c.queue {
		if e.index != i || e.slot.entries[e.key] != e || c.slots[e.key.Account] != e.slot {
			complain("queue element %d: index %d, or not in its account", i, e.index)
		}
	}
	for name, s := range c.slots {
		if s.flights != 0 || len(s.turn) != 0 {
			complain("account %s: %d flights left", name, s.flights)
		}
	}
	return fault
}
