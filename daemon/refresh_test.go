package daemon

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"oauthd/daemon/oauthtest"
	"oauthd/ipc/api"
)

func TestManyCallersOneRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// So short a life is not refreshed ahead of expiry.
		r := newRig(t, oauthtest.Config{AccessTokenLifetime: 4 * time.Second})
		r.account("work")
		r.start()
		first := r.token().AccessToken
		time.Sleep(4 * time.Second)
		before := r.refreshes()
		hold := r.server.Hold(oauthtest.Token)

		var group sync.WaitGroup
		var mu sync.Mutex
		got := map[string]int{}
		for range 100 {
			group.Go(func() {
				tok, err := r.ask(api.TokenRequest{Account: "work"})
				if err != nil {
					t.Errorf("got %v, want a token", err)
				}
				mu.Lock()
				defer mu.Unlock()
				got[tok.AccessToken]++
			})
		}
		synctest.Wait()
		if !r.shown("work").Refreshing {
			t.Error("got refreshing false, want it told")
		}
		hold.Release()
		group.Wait()
		if len(got) != 1 || got[first] != 0 {
			t.Errorf("got %d tokens among the callers, want one new one", len(got))
		}
		if n := r.refreshes() - before; n != 1 {
			t.Errorf("got %d refresh requests, want 1", n)
		}
	})
}

func TestCallerWhoGoesAwayCancelsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oauthtest.Config{})
		r.account("work")
		r.start()
		hold := r.server.HoldAnswer(oauthtest.Token)
		ctx, cancel := context.WithCancel(t.Context())
		gone := make(chan error, 1)
		go func() { _, err := r.d.Token(ctx, api.TokenRequest{Account: "work"}); gone <- err }()
		<-hold.Arrived
		cancel()
		r.wants(<-gone, api.Timeout)
		hold.Release()
		synctest.Wait()
		r.token()
		if n := r.refreshes(); n != 1 {
			t.Errorf("got %d refresh requests, want the one that went on", n)
		}
		if !r.server.Active(r.store.credential(t, "work").RefreshToken.Reveal()) {
			t.Error("the store has a spent refresh token")
		}
	})
}

func TestSlowAccountDelaysNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oauthtest.Config{})
		r.account("work")
		r.account("home")
		r.start()
		hold := r.server.Hold(oauthtest.Token)
		slow := make(chan error, 1)
		go func() { _, err := r.ask(api.TokenRequest{Account: "work"}); slow <- err }()
		<-hold.Arrived
		started := time.Now()
		if _, err := r.ask(api.TokenRequest{Account: "home"}); err != nil {
			t.Errorf("got %v, want a token of the other account", err)
		}
		if _, err := r.d.Status(t.Context()); err != nil {
			t.Errorf("status: got %v, want it answered", err)
		}
		if waited := time.Since(started); waited != 0 {
			t.Errorf("the other account waited %v, want not at all", waited)
		}
		if len(slow) != 0 {
			t.Error("the slow account was answered, want it to wait")
		}
		hold.Release()
		if err := <-slow; err != nil {
			t.Errorf("got %v, want the slow account's token in the end", err)
		}
	})
}

func TestValidTokenIsServedWhileRefreshingFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oauthtest.Config{})
		r.account("work")
		r.start()
		first := r.token()
		r.server.Always(oauthtest.Token, oauthtest.Status(503))
		time.Sleep(59*time.Minute + 30*time.Second)
		if r.refreshes() < 3 {
			t.Errorf("got %d refreshes, want some ahead of expiry", r.refreshes())
		}
		if got := r.token(); got.AccessToken != first.AccessToken || *got.ExpiresIn != 30 {
			t.Errorf("got another token or %d s left, want the old one with 30", *got.ExpiresIn)
		}
		a := r.shown("work")
		if a.State != api.StateReady || a.LastError == nil || a.LastError.Code != api.ProviderUnreachable {
			t.Errorf("got state %s, last error %v; want ready with the failure told", a.State, a.LastError)
		}
		if _, err := r.ask(api.TokenRequest{Account: "work", Force: true}); err == nil {
			t.Error("forced: got a token, want the failure")
		}

		time.Sleep(31 * time.Second)
		if e := r.refused(api.ProviderUnreachable); e.RetryAfter < 1 || e.RetryAfter > 60 {
			t.Errorf("got retry_after %d, want the back-off's", e.RetryAfter)
		}
		if a := r.shown("work"); a.State != api.StateError || a.LastError == nil {
			t.Errorf("got state %s, last error %v; want error once the token has ended", a.State, a.LastError)
		}
		r.server.Reset(oauthtest.Token)
		time.Sleep(time.Minute)
		if r.token().AccessToken == first.AccessToken {
			t.Error("got the token that has ended")
		}
		if a := r.shown("work"); a.State != api.StateReady || a.LastError != nil || a.NextRefreshAt == nil {
			t.Errorf("got state %s, last error %v; want ready, without one", a.State, a.LastError)
		}
	})
}

func TestRetryAfterIsHonoured(t *testing.T) {
	for name, value := range map[string]string{"seconds": "120", "date": "Sat, 01 Jan 2000 00:02:00 GMT"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, oauthtest.Config{})
				r.account("work")
				r.start()
				r.server.Script(oauthtest.Token, oauthtest.RetryAfter(429, value))
				if e := r.refused(api.ProviderUnreachable); e.RetryAfter != 120 {
					t.Errorf("got retry_after %d, want 120", e.RetryAfter)
				}
				time.Sleep(119 * time.Second)
				if e := r.refused(api.ProviderUnreachable); e.RetryAfter != 1 && e.RetryAfter != 120 {
					t.Errorf("got retry_after %d, want what is left", e.RetryAfter)
				}
				if _, err := r.ask(api.TokenRequest{Account: "work", Force: true}); err == nil {
					t.Error("forced: got a token, want the provider's wish to hold")
				}
				if n := r.refreshes(); n != 1 {
					t.Errorf("got %d requests within the pause, want 1", n)
				}
				time.Sleep(time.Second)
				r.token()
			})
		})
	}
}
