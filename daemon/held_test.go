package daemon

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"oauthd/daemon/account"
	"oauthd/daemon/oauthtest"
	"oauthd/ipc/api"
)

// holding is a caller that holds a token.
type holding struct {
	token api.Token
	told  chan struct{} // closed when it was told that it has to ask again
}

// hold has e hold what it asks for, which is cached; nil if it may not.
func (r *rig) hold(e account.Evidence, request api.TokenRequest) *holding {
	r.t.Helper()
	if _, err := r.d.Token(from(e), request); err != nil {
		r.t.Fatal(err)
	}
	synctest.Wait() // whoever hears of the token's making has
	tok, wait, err := r.d.Hold(from(e), request)
	if err != nil {
		r.t.Fatalf("hold: got %v, want a token", err)
	}
	if wait == nil {
		return nil
	}
	h := &holding{token: tok, told: make(chan struct{})}
	go wait(r.t.Context(), func() { close(h.told) })
	return h
}

func (h *holding) over() bool {
	select {
	case <-h.told:
		return true
	default:
		return false
	}
}

// Whatever may change the answer to the same request ends what is held of it, before the request that causes that is answered.
func TestHoldEnds(t *testing.T) {
	caller := account.Evidence{UID: 1000, Process: account.Process{PID: 42, Executable: "/usr/bin/agent"}}
	for name, change := range map[string]func(r *rig) error{
		"a lock":   func(r *rig) error { return r.d.Lock(context.Background()) },
		"a logout": func(r *rig) error { _, err := r.d.Logout(context.Background(), "work"); return err },
		"the end of the account": func(r *rig) error {
			_, err := r.d.Remove(context.Background(), "work")
			if errors.Is(err, &api.Error{Code: api.ConfigInvalid}) { // the file is a person's
				_, err = r.d.Logout(context.Background(), "work")
			}
			return err
		},
		"a rule": func(r *rig) error { r.rules("[[deny]]\nexe = \"/opt/**\"\n"); return nil },
		"hosts":  func(r *rig) error { r.rules("hosts = [\"api.example.com\"]\n"); return nil },
		"a token": func(r *rig) error {
			_, err := r.d.Token(context.Background(), api.TokenRequest{Account: "work", Force: true})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, oauthtest.Config{KeepRefreshTokens: true})
				r.account("work")
				r.account("home")
				r.start()
				synctest.Wait()
				work, home := r.hold(caller, api.TokenRequest{Account: "work"}), r.hold(caller, api.TokenRequest{Account: "home"})
				if work == nil || home == nil || work.over() {
					t.Fatalf("got %v and %v, want both held", work, home)
				}
				if err := change(r); err != nil {
					t.Fatal(err)
				}
				if name == "a token" {
					synctest.Wait() // who asked for it knows of it
				}
				if !work.over() {
					t.Error("the caller was not told")
				}
				if all := name == "a lock" || name == "a rule" || name == "hosts"; home.over() != all {
					t.Errorf("the other account's: got %t, want %t", home.over(), all)
				}
			})
		})
	}
}

// A token is held for some seconds at most, and only if it lives longer than that.
func TestHoldFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oauthtest.Config{})
		r.account("work")
		r.start()
		caller := account.Evidence{UID: 1000, Process: account.Process{PID: 42, Executable: "/usr/bin/agent"}}
		began := time.Now()
		<-r.hold(caller, api.TokenRequest{Account: "work"}).told
		if took := time.Since(began); took != holdFor {
			t.Errorf("got told after %v, want %v", took, holdFor)
		}
		for ttl, held := range map[int64]bool{0: true, 3000: true, 3595: false} {
			if got := r.hold(caller, api.TokenRequest{Account: "work", MinTTL: &ttl}) != nil; got != held {
				t.Errorf("a token for %d s: got %t, want %t", ttl, got, held)
			}
		}
		huge := int64(1) << 62
		for name, request := range map[string]api.TokenRequest{
			"a forced token": {Account: "work", Force: true}, "an ID token": {Account: "work", IDToken: true},
			"one for longer than there are": {Account: "work", MinTTL: &huge}, "one by its place alone": {URL: "https://api.example.com/"},
		} {
			if tok, wait, err := r.d.Hold(from(caller), request); wait != nil {
				t.Errorf("%s: got %s, %v, held", name, tok.Account, err)
			}
		}
	})
}

// What is counted, or what a person is asked for, is asked for each time.
func TestNotHeld(t *testing.T) {
	caller := account.Evidence{UID: 1000, Process: account.Process{PID: 42, Executable: "/usr/bin/agent"}}
	for name, rules := range map[string]struct {
		text string
		held bool
	}{
		"a rule":           {"[[allow]]\nexe = \"/usr/bin/agent\"\n", true},
		"a rule with rate": {"[[allow]]\nexe = \"/usr/bin/agent\"\nrate = \"100/h\"\n", false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, oauthtest.Config{})
				r.account("work")
				r.start()
				r.rules(rules.text)
				if got := r.hold(caller, api.TokenRequest{Account: "work"}) != nil; got != rules.held {
					t.Errorf("got held %t, want %t", got, rules.held)
				}
			})
		})
	}
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oauthtest.Config{})
		r.account("work")
		r.start()
		r.rules("[[deny]]\nexe = \"/usr/bin/agent\"\n")
		if _, _, err := r.d.Hold(from(caller), api.TokenRequest{Account: "work"}); !errors.Is(err, &api.Error{Code: api.PolicyDenied}) {
			t.Errorf("got %v, want policy_denied", err)
		}
	})
}
