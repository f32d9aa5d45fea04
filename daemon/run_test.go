package daemon

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"oauthd/daemon/account"
	"oauthd/daemon/oauthtest"
	"oauthd/daemon/token"
	"oauthd/ipc/api"
	"oauthd/keystore"
)

func tokenKey(name, scope string) token.Key {
	return token.Key{Account: name, Scopes: account.ScopeSetOf(scope)}
}

func TestShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oauthtest.Config{})
		r.account("work")
		r.start()
		r.token()
		hold := r.server.Hold(oauthtest.Token)
		forced := make(chan error, 1)
		go func() { _, err := r.ask(api.TokenRequest{Account: "work", Force: true}); forced <- err }()
		<-hold.Arrived
		for range 2 {
			if err := r.d.Shutdown(t.Context()); err != nil {
				t.Errorf("got %v, want nil", err)
			}
		}
		synctest.Wait()
		r.refused(api.Busy)
		started := time.Now()
		if len(forced) != 0 {
			t.Error("the refresh under way was given up at once, want it to get a moment")
		}
		hold.Release()
		if err := <-forced; err != nil {
			t.Errorf("got %v, want the refresh to end well", err)
		}
		if err := r.stop(); err != nil || time.Since(started) != 0 {
			t.Errorf("got %v after %v, want Run to return at once", err, time.Since(started))
		}
		if !r.server.Active(r.store.credential(t, "work").RefreshToken.Reveal()) {
			t.Error("the last rotation was not saved")
		}
	})
}

func TestLastRefreshIsSavedAlthoughTheStoreFailsAtFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oauthtest.Config{})
		r.account("work")
		r.start()
		hold := r.server.Hold(oauthtest.Token)
		asked := make(chan error, 1)
		go func() { _, err := r.ask(api.TokenRequest{Account: "work"}); asked <- err }()
		<-hold.Arrived
		if err := r.d.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		var once sync.Once
		r.store.script(func(_ context.Context, op, _ string) (err error) {
			if op == "put" {
				once.Do(func() { err = errFault })
			}
			return err
		})
		hold.Release()
		if err := <-asked; err != nil {
			t.Errorf("got %v, want the token", err)
		}
		if err := r.stop(); err != nil {
			t.Errorf("got %v, want nil", err)
		}
		if !r.server.Active(r.store.credential(t, "work").RefreshToken.Reveal()) {
			t.Error("the store has a spent refresh token, want it saved before Run returns")
		}
	})
}

func TestRunReturnsAlthoughTheProviderHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oauthtest.Config{})
		r.account("work")
		r.start()
		r.server.Always(oauthtest.Token, oauthtest.Hang())
		asked := make(chan error, 1)
		go func() { _, err := r.ask(api.TokenRequest{Account: "work"}); asked <- err }()
		synctest.Wait()
		started := time.Now()
		if err := r.stop(); err != nil {
			t.Errorf("got %v, want nil", err)
		}
		if waited := time.Since(started); waited > 10*time.Second {
			t.Errorf("Run took %v to return, want seconds", waited)
		}
		if err := <-asked; err == nil {
			t.Error("got a token, want an error")
		}
	})
}

func TestShutdownEndsWaitingLogins(t *testing.T) {
	r := newRealRig(t, oauthtest.Config{})
	r.start()
	l := r.begin("work", r.definition("openid"))
	l.url()
	if err := r.d.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	err := <-l.ended
	r.wants(err, api.LoginFailed)
	if err != nil && !strings.Contains(err.Error(), "stopping") {
		t.Errorf("got %v, want the reason", err)
	}
	if err := r.stop(); err != nil {
		t.Errorf("got %v, want nil", err)
	}
	_, err = r.login("work", r.definition("openid"))
	r.wants(err, api.LoginFailed)
	if r.store.raw(t, "work") != "" {
		t.Error("something was kept")
	}
}

func TestShutdownLetsALoginFinishWhoseCodeIsSpent(t *testing.T) {
	r := newRealRig(t, oauthtest.Config{})
	r.start()
	hold := r.server.Hold(oauthtest.Token)
	l := r.begin("work", r.definition("openid"))
	ended := make(chan error, 1)
	go func() { ended <- l.decide(l.url(), oauthtest.Allow) }()
	await(t, "the exchange", hold.Arrived)
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		if err := r.stop(); err != nil {
			t.Errorf("got %v, want nil", err)
		}
	}()
	select {
	case <-stopped:
		t.Error("Run returned before the login had ended")
	case <-time.After(50 * time.Millisecond): // only a broken Run needs as long
	}
	hold.Release()
	if err := <-ended; err != nil {
		t.Errorf("got %v, want done", err)
	}
	await(t, "the end of Run", stopped)
	if !r.server.Active(r.store.credential(t, "work").RefreshToken.Reveal()) {
		t.Error("the login was not kept")
	}
}

func TestLoginsWhileStopping(t *testing.T) {
	r := newRealRig(t, oauthtest.Config{})
	r.start()
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			if err := r.d.Login(ctx, "work", r.definition("openid"), func(api.LoginEvent) {}); err == nil {
				t.Error("got a login that nobody made")
			}
		})
	}
	if err := r.stop(); err != nil {
		t.Errorf("got %v, want nil", err)
	}
	group.Wait()
}

func TestStatus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oauthtest.Config{})
		r.account("work")
		r.write("accounts/home.toml", "provider = \"google\"\nclient_id = \"app\"\n")
		r.start()
		started := time.Now()
		time.Sleep(time.Minute)
		r.token()
		s, err := r.d.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		r.tell(s)
		if !s.StartedAt.Equal(started) || s.Version != "1" || s.StartedBy != "a test" || s.Socket != "/run/oauthd.sock" || s.PID == 0 {
			t.Errorf("got %+v, want what the daemon was given", s)
		}
		if s.Store != (api.Store{Backend: "keychain", State: "ok"}) {
			t.Errorf("got store %+v, want ok", s.Store)
		}
		if len(s.Accounts) != 2 || s.Accounts[0].Name != "home" || s.Accounts[0].State != api.StateLoginRequired ||
			s.Accounts[1].Name != "work" || s.Accounts[1].State != api.StateReady || s.Accounts[1].NextRefreshAt == nil {
			t.Errorf("got %+v, want home without a login, then work", s.Accounts)
		}
		for _, tt := range []struct {
			fault error
			want  string
		}{{keystore.ErrLocked, "locked"}, {keystore.ErrUnavailable, "unavailable"}} {
			r.store.script(func(context.Context, string, string) error { return tt.fault })
			if s, err := r.d.Status(t.Context()); err != nil || s.Store.State != tt.want || s.Store.Detail == "" || len(s.Accounts) != 2 {
				t.Errorf("got %+v, %v; want %s and why", s.Store, err, tt.want)
			}
		}
	})
}

func TestLogTellsWhoWasServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oauthtest.Config{})
		r.account("work")
		r.start()
		ctx := account.WithCaller(t.Context(), account.Caller{UID: 1000, PID: 4242, Executable: func() string { return "/usr/bin/mail" }})
		if _, err := r.d.Token(ctx, api.TokenRequest{Account: "work", IDToken: true}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		callers := map[string]int{}
		r.mu.Lock()
		defer r.mu.Unlock()
		for line := range strings.Lines(r.out.String()) {
			var event struct {
				Message, Caller, Account string
				PID                      int
			}
			if json.Unmarshal([]byte(line), &event) == nil && event.Message == "refresh" && event.Account == "work" {
				callers[event.Caller] += max(event.PID, 1)
			}
		}
		if callers["/usr/bin/mail"] != 4242 || callers["oauthd"] == 0 || len(callers) != 2 {
			t.Errorf("got %v, want the caller's refresh and the daemon's own", callers)
		}
	})
}

// The rig searches everything for secrets when a test ends; this shows that it would find them.
func TestSearchForSecretsFinds(t *testing.T) {
	for want, text := range map[string]string{
		"refresh token": "token rt-ABCDEFGHIJKLMNOPQRSTUVWXYZ",
		"access token":  `"at-ABCDEFGHIJKLMNOPQRSTUVWXYZ"`,
		"code":          "ac-ABCDEFGHIJKLMNOPQRSTUVWXYZ",
		"ID token":      `"eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhZGEifQ.x"`,
		"client secret": "x " + clientSecret,
		"":              "what was said at the start, format-ABCDEFGHIJKLMNOPQRSTUVWXYZ",
	} {
		if got := shows(text); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
