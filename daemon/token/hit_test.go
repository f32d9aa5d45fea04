package token

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"oauthd/daemon/account"
	"oauthd/ipc/api"
)

func TestAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &provider{reply: func(_ context.Context, _ Key, n int) (account.Token, error) {
			tok := withIDToken(fresh(n, time.Hour), n, 30*time.Minute)
			tok.Scopes = []string{"openid", "email"}
			return tok, nil
		}}
		c := New(Config{Minter: p})
		run(t, c)
		began := time.Now().UTC()
		want := api.Token{
			AccessToken: "t1", TokenType: "Bearer", Scope: "openid email", Account: "work", ExpiresAt: api.Moment(began.Add(time.Hour)),
		}
		withID := want
		withID.IDToken, withID.IDTokenExpiresAt = "id-t1", api.Moment(began.Add(30*time.Minute))

		time.Sleep(500 * time.Millisecond)
		began = time.Now().UTC()
		want.ExpiresAt, withID.ExpiresAt = api.Moment(began.Add(time.Hour)), api.Moment(began.Add(time.Hour))
		withID.IDTokenExpiresAt = api.Moment(began.Add(30 * time.Minute))
		for name, tc := range map[string]struct {
			idToken bool
			want    api.Token
		}{"plain": {false, want}, "with an ID token": {true, withID}} {
			for _, after := range []time.Duration{0, 0, 90 * time.Second} {
				time.Sleep(after)
				now := time.Now()
				got, err := c.Answer(t.Context(), Request{Key: work, IDToken: tc.idToken})
				tc.want.ExpiresIn = new(int64((time.Hour - now.Sub(began)) / time.Second))
				if err != nil || string(got.AppendJSON(nil)) != string(tc.want.AppendJSON(nil)) {
					t.Errorf("%s, after %v: got  %s, %v\nwant %s", name, now.Sub(began), got.AppendJSON(nil), err, tc.want.AppendJSON(nil))
				}
				if marshalled, _ := api.Marshal(got); string(marshalled) != string(got.AppendJSON(nil)) {
					t.Errorf("%s: got %s encoded, and %s in its fields", name, got.AppendJSON(nil), marshalled)
				}
			}
		}
		wantCalls(t, p, 1)
	})
}

// What is served without the mutex is what the mutex would have served.
func TestHitsFollowTheEntry(t *testing.T) {
	serve := func(c *Cache) string {
		answer, err := c.Answer(context.Background(), Request{Key: work})
		if err != nil {
			return err.Error()
		}
		return answer.AccessToken
	}
	for _, tc := range []struct {
		name string
		act  func(c *Cache)
		want string
	}{
		{"nothing", func(*Cache) {}, "t-1"},
		{"a new login", func(c *Cache) { c.Drop("work"); c.Put(work, fresh(-2, time.Hour)) }, "t-2"},
		{"another token of the login", func(c *Cache) { c.Put(work, fresh(-2, time.Hour)) }, "t-2"},
		{"a logout", func(c *Cache) { c.Drop("work") }, "t1"},
		{"another account's logout", func(c *Cache) { c.Put(Key{Account: "gmail"}, fresh(-3, time.Hour)); c.Drop("gmail") }, "t-1"},
		{"another key", func(c *Cache) { c.Put(Key{Account: "work", Scopes: account.ScopeSetOf("a")}, fresh(-3, time.Hour)) }, "t-1"},
		{"a forced refresh", func(c *Cache) { _, _ = c.Token(context.Background(), Request{Key: work, Force: true}) }, "t1"},
		{"the end of the token", func(*Cache) { time.Sleep(time.Hour) }, "t1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := New(Config{Minter: &provider{lifetime: time.Hour}, Jitter: noJitter})
				c.Put(work, fresh(-1, time.Hour))
				serve(c)
				tc.act(c)
				if got := serve(c); got != tc.want {
					t.Errorf("got %s, want %s", got, tc.want)
				}
			})
		})
	}
	t.Run("the end of the cache", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := New(Config{Minter: &provider{}})
			stop := run(t, c)
			c.Put(work, fresh(-1, time.Hour))
			serve(c)
			stop()
			if _, err := c.Answer(context.Background(), Request{Key: work}); !errors.Is(err, ErrClosed) {
				t.Errorf("got %v, want ErrClosed", err)
			}
		})
	})
}

// A key that only hits ask for is refreshed ahead of expiry all the same, and one that nobody asks for is left alone after
// a day.
func TestHitsKeepTheRefreshGoing(t *testing.T) {
	const lifetime, ahead = 20 * time.Hour, 5 * time.Minute
	for name, tc := range map[string]struct {
		unasked bool
		want    []time.Duration
	}{
		"asked":   {false, []time.Duration{lifetime - ahead, 2 * (lifetime - ahead)}},
		"unasked": {true, []time.Duration{lifetime - ahead, 2 * lifetime}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				p := &provider{lifetime: lifetime}
				c := New(Config{Minter: p, Jitter: noJitter})
				run(t, c)
				c.Put(work, fresh(-1, lifetime))
				for range 41 {
					time.Sleep(time.Hour)
					if _, err := c.Token(t.Context(), Request{Key: work, Unasked: tc.unasked}); err != nil {
						t.Fatal(err)
					}
				}
				wantTimes(t, p, began, tc.want...)
			})
		})
	}
}

func TestInstant(t *testing.T) {
	var i instant
	if got := i.time(); !got.IsZero() {
		t.Errorf("got %v, want the zero time", got)
	}
	for _, want := range []time.Time{time.Unix(1_800_000_000, 5), {}, time.Unix(-1, 0)} {
		i.set(want)
		if got := i.time(); !got.Equal(want) || got.IsZero() != want.IsZero() {
			t.Errorf("got %v, want %v", got, want)
		}
	}
}

func BenchmarkAnswerParallel(b *testing.B) {
	c := New(Config{})
	c.Put(work, fresh(1, time.Hour))
	ctx, r := context.Background(), Request{Key: work}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := c.Answer(ctx, r); err != nil {
				b.Fatal(err)
			}
		}
	})
}
