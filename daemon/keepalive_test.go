package daemon

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"oauthd/daemon/keepalive"
	"oauthd/daemon/oauthtest"
	"oauthd/ipc/api"
	"oauthd/keystore"
)

const day = 24 * time.Hour

// lasting has the provider say how long its refresh tokens live.
func lasting(d time.Duration) oauthtest.Fault {
	return oauthtest.Set("refresh_token_expires_in", int64(d/time.Second))
}

func TestLoginThatNobodyUsesIsKeptAlive(t *testing.T) {
	for _, rotating := range []bool{true, false} {
		t.Run(fmt.Sprint("rotating ", rotating), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, oauthtest.Config{KeepRefreshTokens: !rotating})
				r.account("work")
				r.server.Always(oauthtest.Token, lasting(90*day))
				r.start()
				r.token()
				time.Sleep(2 * day)
				asked, used := r.refreshes(), time.Now().Add(-day)
				for range 3 { // a daemon that is stopped now and then
					time.Sleep(17 * day)
					r.restart()
				}
				if n := r.refreshes() - asked; n != 0 {
					t.Errorf("got %d refreshes of an account nobody asks for, want none yet", n)
				}
				time.Sleep(time.Until(used.Add(61*day + 2*time.Hour)))
				if n := r.refreshes() - asked; n != 1 {
					t.Errorf("got %d refreshes by two thirds of the limit, want 1", n)
				}
				if next := r.shown("work").NextRefreshAt; next != nil {
					t.Errorf("got a next refresh at %v, want none as nobody asks", next)
				}
				time.Sleep(365 * day)
				if n := r.refreshes() - asked; n != 7 {
					t.Errorf("got %d refreshes in more than a year, want one in 60 days", n)
				}
				r.token()
			})
		})
	}
}

func TestKeepAliveGoesOnUntilItSucceeds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oauthtest.Config{})
		r.account("work")
		r.server.Script(oauthtest.Token, lasting(30*day))
		r.start()
		r.token()
		r.server.Always(oauthtest.Token, oauthtest.Status(503))
		time.Sleep(2 * day)
		ahead := r.refreshes() // of its expiry, for as long as somebody had asked lately
		time.Sleep(23 * day)
		n := r.refreshes()
		if n -= ahead; n < 4*24 || n > 5*24+1 {
			t.Errorf("got %d requests in the 4 days since the first was due, want about one an hour", n)
		}
		n += ahead
		r.server.Always(oauthtest.Token, lasting(30*day))
		time.Sleep(2 * time.Hour)
		if got := r.refreshes() - n; got != 1 {
			t.Errorf("got %d more requests, want 1", got)
		}
		r.server.RevokeAll()
		time.Sleep(40 * day)
		if got := r.refreshes() - n; got != 2 || r.shown("work").State != api.StateLoginRequired {
			t.Errorf("got %d more requests, state %s; want the refusal to end it", got, r.shown("work").State)
		}
	})
}

// A clock that is set every few seconds, or a machine that never wakes for long, does not put keeping alive off forever.
func TestJumpsDoNotPutOffKeepAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oauthtest.Config{})
		r.account("work")
		r.server.Always(oauthtest.Token, lasting(30*day))
		r.start()
		r.token()
		time.Sleep(20*day + 22*time.Hour) // it was refreshed for a day, as it was asked for
		before := r.refreshes()
		for range 5 * 60 * 2 {
			r.d.Resumed()
			time.Sleep(30 * time.Second)
		}
		if n := r.refreshes() - before; n != 1 {
			t.Errorf("got %d refreshes of a login that came due hours ago, want 1", n)
		}
	})
}

func TestRecordsAreReadLazily(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const accounts = 2000
		r := newRig(t, oauthtest.Config{})
		c := r.authorize("openid", "offline_access")
		for n := range accounts {
			name := fmt.Sprintf("a%d", n)
			r.write("accounts/"+name+".toml", fmt.Sprintf("issuer = %q\nclient_id = \"app\"\n", r.server.Issuer()))
			r.store.save(t, name, c)
		}
		r.start()
		time.Sleep(keepalive.First - time.Second)
		if n := r.store.times("get"); n != 0 {
			t.Errorf("got %d records read at start-up, want none", n)
		}
		time.Sleep(90 * time.Second)
		if n := r.store.times("get"); n == 0 || n == accounts {
			t.Errorf("got %d records read, want some, and the others later", n)
		}
		time.Sleep(5 * time.Minute)
		if n := r.store.times("get"); n != accounts {
			t.Errorf("got %d records read, want all", n)
		}
		time.Sleep(3 * day)
		if n := r.store.times("get"); n != accounts || r.refreshes() != 0 {
			t.Errorf("got %d records read and %d refreshes, want each read once and none refreshed", n, r.refreshes())
		}
	})
}

func TestLockedStoreIsNotAskedForEachRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oauthtest.Config{})
		for _, name := range []string{"a", "b", "c"} {
			r.account(name)
		}
		r.store.failing("get", keystore.ErrLocked)
		r.start()
		time.Sleep(keepalive.First + time.Minute)
		if n := r.store.times("get"); n != 1 {
			t.Errorf("got %d reads of a locked store, want 1", n)
		}
		r.store.script(nil)
		time.Sleep(keepalive.Every + 2*time.Minute)
		if n := r.store.times("get"); n != 4 {
			t.Errorf("got %d reads, want all records once it is unlocked", n)
		}
	})
}

// A wake-up after a suspend counts the days that the timers missed.
func TestKeepAliveAfterASuspend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oauthtest.Config{})
		r.account("work")
		r.server.Always(oauthtest.Token, lasting(30*day))
		r.start()
		r.token()
		time.Sleep(2 * day)
		n := r.refreshes()
		r.jump(25 * day)
		r.d.Resumed()
		time.Sleep(3 * keepalive.AfterSuspend)
		if got := r.refreshes() - n; got != 1 {
			t.Errorf("got %d refreshes soon after the suspend, want 1", got)
		}
	})
}

func TestForecastIsShownAcrossARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oauthtest.Config{KeepRefreshTokens: true})
		r.account("work")
		r.server.Always(oauthtest.Token, lasting(7*day))
		r.start()
		if a := r.shown("work"); a.LoginEndsAt != nil || a.LoginEndsReason != "" {
			t.Errorf("got %v, %q before anything was said, want nothing", a.LoginEndsAt, a.LoginEndsReason)
		}
		r.token()
		want := time.Now().Add(7 * day)
		for range 2 {
			if a := r.shown("work"); a.LoginEndsAt == nil || !a.LoginEndsAt.Equal(want) || a.LoginEndsReason == "" {
				t.Errorf("got %v, %q; want %v and why", a.LoginEndsAt, a.LoginEndsReason, want)
			}
			r.restart()
		}
		puts := r.store.times("put")
		for range 10 {
			r.server.Script(oauthtest.Token, lasting(time.Until(want)))
			if _, err := r.ask(api.TokenRequest{Account: "work", Force: true}); err != nil {
				t.Error(err)
			}
		}
		if got := r.store.times("put") - puts; got != 0 {
			t.Errorf("got %d saves of a record in which nothing changed, want none", got)
		}
	})
}

// The time of use is worth a save, but is no credential: nothing is degraded when the store does not take it.
func TestTimeOfUseThatIsNotSavedDegradesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oauthtest.Config{KeepRefreshTokens: true})
		r.account("work")
		time.Sleep(2 * day)
		r.start()
		r.store.failing("put", errFault)
		r.token()
		if a := r.shown("work"); a.Degraded || r.store.times("put") != 1 {
			t.Errorf("got degraded %t after %d tries, want one try and no alarm", a.Degraded, r.store.times("put"))
		}
		r.store.script(nil)
		if _, err := r.ask(api.TokenRequest{Account: "work", Force: true}); err != nil {
			t.Error(err)
		}
		if got := r.store.credential(t, "work").UsedAt; !got.Equal(time.Now()) {
			t.Errorf("got %v saved, want the next use", got)
		}
	})
}
