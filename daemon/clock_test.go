package daemon

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"oauthd/daemon/oauthtest"
	"oauthd/ipc/api"
)

// The wall clock jumps by hours, as after a suspend or when somebody sets it: nothing that has ended is served, and
// what was lost by the jump is only a refresh.
func TestWallClockJumps(t *testing.T) {
	for name, by := range map[string]time.Duration{"ahead": 5 * time.Hour, "back": -5 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, oauthtest.Config{})
				r.account("work")
				r.start()
				r.token()
				before := r.refreshes()
				r.jump(by)
				r.d.Resumed()
				synctest.Wait()
				if n := r.refreshes() - before; by > 0 && n != 1 || by < 0 && n != 0 {
					t.Errorf("got %d refreshes at once, want what is due alone", n)
				}
				seen := map[string]bool{}
				for range 8 {
					tok := r.token()
					if left := tok.ExpiresAt.Sub(r.now()); left <= 0 || left > time.Hour || *tok.ExpiresIn <= 0 || *tok.ExpiresIn > 3600 {
						t.Errorf("got a token that ends at %v, now %v; want one of an hour at most", tok.ExpiresAt, r.now())
					}
					if seen[tok.AccessToken] {
						t.Error("got a token again that had ended an hour after it was made")
					}
					seen[tok.AccessToken] = true
					time.Sleep(time.Hour)
				}
				if a := r.shown("work"); a.State != api.StateReady || a.LastError != nil {
					t.Errorf("got state %s, %v; want ready", a.State, a.LastError)
				}
				if !r.server.Active(r.store.credential(t, "work").RefreshToken.Reveal()) {
					t.Error("the store has a spent refresh token")
				}
			})
		})
	}
}

// A provider whose clock is wrong, in Date and in the ID token: an expiry counts from our clock and expires_in.
func TestProviderClockIsOff(t *testing.T) {
	for name, by := range map[string]time.Duration{"ahead": 10 * time.Minute, "behind": -10 * time.Minute} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				off := func() time.Time { return time.Now().Add(by) }
				r := newRig(t, oauthtest.Config{Now: off})
				r.account("work")
				date := func(fault oauthtest.Fault) oauthtest.Fault {
					return header("Date", off().UTC().Format(http.TimeFormat), fault)
				}
				r.server.Always(oauthtest.Token, date(oauthtest.Set("created_at", off().Unix())))
				r.start()
				started := time.Now()
				tok, err := r.ask(api.TokenRequest{Account: "work", IDToken: true})
				if err != nil || tok.IDToken == "" {
					t.Fatalf("got %v, want a token and an ID token", err)
				}
				if *tok.ExpiresIn != 3600 || !tok.ExpiresAt.Equal(started.Add(time.Hour)) {
					t.Errorf("got an end at %v, %d s; want an hour from %v", tok.ExpiresAt, *tok.ExpiresIn, started)
				}
				time.Sleep(53 * time.Minute)
				if again := r.token(); again.AccessToken != tok.AccessToken || r.refreshes() != 1 {
					t.Errorf("got %d refreshes within 53 min, want the same token", r.refreshes())
				}
				// A date is counted from the provider's own.
				at := off().Add(2 * time.Minute).UTC().Format(http.TimeFormat)
				r.server.Always(oauthtest.Token, date(oauthtest.RetryAfter(503, at)))
				_, err = r.ask(api.TokenRequest{Account: "work", Force: true})
				r.wants(err, api.ProviderUnreachable)
				if got := api.AsError(err).RetryAfter; got != 120 {
					t.Errorf("got retry_after %d, want 120", got)
				}
			})
		})
	}
}
