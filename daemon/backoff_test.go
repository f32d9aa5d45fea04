package daemon

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"oauthd/daemon/oauthtest"
	"oauthd/ipc/api"
)

func TestCallersInALoopDoNotReachTheProvider(t *testing.T) {
	for name, tt := range map[string]struct {
		fault oauthtest.Fault
		want  api.Code
	}{
		"invalid_client": {oauthtest.Error(401, "invalid_client"), api.ProviderRejected},
		"a page":         {oauthtest.HTML(200), api.ProviderUnreachable},
		"who knows":      {oauthtest.Error(400, "who_knows"), api.ProviderRejected},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, oauthtest.Config{KeepRefreshTokens: true, Device: true, DeviceInterval: time.Second})
				r.account("work")
				r.account("home")
				before := r.store.raw(t, "work")
				r.start()
				r.server.Always(oauthtest.Token, tt.fault)
				for range 100 {
					r.refused(tt.want)
				}
				if n := r.refreshes(); n != 1 {
					t.Errorf("got %d requests for 100 callers in a row, want 1", n)
				}
				time.Sleep(2 * time.Second)
				var group sync.WaitGroup
				for range 20 {
					group.Go(func() { _, _ = r.ask(api.TokenRequest{Account: "work"}) })
				}
				group.Wait()
				if n := r.refreshes(); n > 3 {
					t.Errorf("got %d requests after the back-off, want 1 more or 2", n)
				}
				time.Sleep(10 * time.Minute)
				if n := r.refreshes(); n > 20 {
					t.Errorf("got %d requests in ten minutes, want the pauses to grow", n)
				}
				if a := r.shown("work"); a.State != api.StateError || r.store.raw(t, "work") != before {
					t.Errorf("got state %s, or another record; want error and the credential kept", a.State)
				}

				// A new login ends the pause at once, and only for its own account.
				r.server.Reset(oauthtest.Token)
				r.server.Always(oauthtest.Token, tt.fault)
				r.refused(tt.want)
				if _, err := r.ask(api.TokenRequest{Account: "home"}); err == nil {
					t.Error("home: got a token, want the refusal")
				}
				l := r.begin("work", api.AccountDefinition{Headless: true})
				e := l.event(api.EventDevice)
				r.server.Reset(oauthtest.Token)
				if err := r.server.ApproveDevice(e.UserCode); err != nil {
					t.Fatal(err)
				}
				if err := <-l.ended; err != nil {
					t.Fatalf("got %v, want done", err)
				}
				r.token()
				if a := r.shown("work"); a.State != api.StateReady || a.LastError != nil {
					t.Errorf("got state %s, last error %v; want ready", a.State, a.LastError)
				}
			})
		})
	}
}

func TestRefreshAfterALoginIsNotHeldBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oauthtest.Config{Device: true, DeviceInterval: time.Second})
		r.account("work")
		r.start()
		r.server.Always(oauthtest.Token, oauthtest.RetryAfter(503, "3000"))
		r.refused(api.ProviderUnreachable)
		r.server.Reset(oauthtest.Token)
		l := r.begin("work", api.AccountDefinition{Headless: true})
		if err := r.server.ApproveDevice(l.event(api.EventDevice).UserCode); err != nil {
			t.Fatal(err)
		}
		if err := <-l.ended; err != nil {
			t.Fatalf("got %v, want done", err)
		}
		first := r.token()
		if tok, err := r.ask(api.TokenRequest{Account: "work", Force: true}); err != nil || tok.AccessToken == first.AccessToken {
			t.Errorf("forced: got %v, or the same token; want a new one", err)
		}
	})
}

func TestEndedLoginCostsNoRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oauthtest.Config{Device: true, DeviceInterval: time.Second})
		r.account("work")
		r.start()
		r.server.RevokeAll()
		for range 100 {
			r.refused(api.LoginRequired)
			for _, request := range []api.TokenRequest{{Account: "work", Force: true}, {Account: "work", IDToken: true},
				{Account: "work", Resource: "https://api.example.com"}} {
				_, err := r.ask(request)
				r.wants(err, api.LoginRequired)
			}
		}
		time.Sleep(24 * time.Hour)
		if n := r.refreshes(); n != 2 {
			t.Errorf("got %d refreshes, want the refused one, and one more that was forced", n)
		}
		l := r.begin("work", api.AccountDefinition{Headless: true})
		if err := r.server.ApproveDevice(l.event(api.EventDevice).UserCode); err != nil {
			t.Fatal(err)
		}
		if err := <-l.ended; err != nil {
			t.Fatalf("got %v, want done", err)
		}
		r.token()
		if _, err := r.ask(api.TokenRequest{Account: "work", Force: true}); err != nil {
			t.Errorf("forced: got %v, want a token of the new login", err)
		}
		if a := r.shown("work"); a.State != api.StateReady || a.LastError != nil {
			t.Errorf("got state %s, last error %v; want ready", a.State, a.LastError)
		}
	})
}
