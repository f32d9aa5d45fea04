package daemon

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"oauthd/daemon/config"
	"oauthd/daemon/oauthtest"
	"oauthd/ipc/api"
	"oauthd/keystore"

	"github.com/rs/zerolog"
)

// doored is a store that a passphrase opens.
type doored struct {
	*scriptedStore

	mu    sync.Mutex // guards the fields below
	open  bool
	wiped bool // memory was wiped after the store was closed
}

func (s *doored) wipe() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wiped = !s.open
}

// closedAndWiped reports whether nothing of what the store gave is left.
func (s *doored) closedAndWiped() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.open && s.wiped
}

func (s *doored) Open(_ context.Context, passphrase string) error {
	if passphrase != "hunter2" {
		return keystore.ErrPassphrase
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open, s.wiped = true, false
	return nil
}

func (s *doored) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open = false
}

func (s *doored) Closed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.open
}

func (s *doored) Needs() string { return "passphrase" }

func (s *doored) Get(ctx context.Context, name string) ([]byte, error) {
	if s.Closed() {
		return nil, keystore.ErrLocked
	}
	return s.scriptedStore.Get(ctx, name)
}

func (s *doored) Put(ctx context.Context, name string, data []byte) error {
	if s.Closed() {
		return keystore.ErrLocked
	}
	return s.scriptedStore.Put(ctx, name, data)
}

func (s *doored) Delete(ctx context.Context, name string) error {
	if s.Closed() {
		return keystore.ErrLocked
	}
	return s.scriptedStore.Delete(ctx, name)
}

// startDoored is start with a closed store of files.
func (r *rig) startDoored() *doored {
	r.t.Helper()
	cfg, err := config.Load(r.dir)
	if err != nil {
		r.t.Fatal(err)
	}
	cfg.Backend = "file"
	store := &doored{scriptedStore: r.store}
	d := New(Config{Dir: r.dir, Config: cfg, Store: store, Log: zerolog.New(r), HTTP: r.client, Now: r.now, UID: -1, Version: "1", Wipe: store.wipe})
	r.d = d
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	r.stop = sync.OnceValue(func() error { cancel(); return <-ended })
	return store
}

func (r *rig) unlock(passphrase api.Confidential) {
	r.t.Helper()
	if err := r.d.Unlock(context.Background(), passphrase); err != nil {
		r.t.Fatalf("unlock: got %v, want nil", err)
	}
}

func (r *rig) lock() {
	r.t.Helper()
	if err := r.d.Lock(context.Background()); err != nil {
		r.t.Fatalf("lock: got %v, want nil", err)
	}
}

func TestClosedStoreAtTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oauthtest.Config{})
		r.account("work")
		store := r.startDoored()
		r.refused(api.Locked)
		if a := r.shown("work"); a.State != api.StateLocked || a.LastError == nil || a.LastError.Code != api.Locked {
			t.Errorf("got state %s, want locked", a.State)
		}
		s, err := r.d.Status(t.Context())
		if err != nil || s.Store.State != "locked" || s.Store.Needs != "passphrase" {
			t.Errorf("got store %+v, %v, want locked", s.Store, err)
		}
		r.wants(r.d.Unlock(t.Context(), "hunter3"), api.Locked)
		r.refused(api.Locked)
		if !store.Closed() || r.refreshes() != 0 {
			t.Errorf("got closed %t, %d refreshes, want a closed store and none", store.Closed(), r.refreshes())
		}
		r.unlock("hunter2")
		r.token()
		if a := r.shown("work"); a.State != api.StateReady || a.LastError != nil {
			t.Errorf("got state %s, error %v, want ready", a.State, a.LastError)
		}
	})
}

func TestLockForgetsTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oauthtest.Config{})
		r.account("work")
		store := r.startDoored()
		r.unlock("hunter2")
		first := r.token()
		for range 2 {
			r.lock()
			r.refused(api.Locked)
			_, err := r.d.Logout(t.Context(), "work")
			r.wants(err, api.Locked)
			r.wants(r.d.Login(t.Context(), "work", api.AccountDefinition{}, func(api.LoginEvent) {}), api.Locked)
		}
		if !store.closedAndWiped() {
			t.Error("want a closed store, and memory wiped after that")
		}
		time.Sleep(48 * time.Hour)
		if r.refreshes() != 1 {
			t.Errorf("got %d refreshes, want none while locked", r.refreshes()-1)
		}
		r.wants(r.d.Unlock(t.Context(), ""), api.Locked)
		r.unlock("hunter2")
		if second := r.token(); second.AccessToken == first.AccessToken || r.refreshes() != 2 {
			t.Errorf("got the same token %t, %d refreshes, want a new one", second.AccessToken == first.AccessToken, r.refreshes())
		}
		r.unlock("hunter2")
		r.wants(r.d.Unlock(t.Context(), "hunter3"), api.Locked)
		r.token() // a wrong passphrase locks nothing
	})
}

// A refresh under way when oauthd is locked is saved before the store closes, and nobody is served by it.
func TestLockDuringRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oauthtest.Config{})
		r.account("work")
		store := r.startDoored()
		r.unlock("hunter2")
		hold := r.server.HoldAnswer(oauthtest.Token)
		served := make(chan error, 1)
		go func() { _, err := r.ask(api.TokenRequest{Account: "work"}); served <- err }()
		<-hold.Arrived
		r.lock()
		if store.Closed() {
			t.Error("the store was closed while a rotated credential was on its way to it")
		}
		hold.Release()
		r.wants(<-served, api.Locked)
		synctest.Wait()
		if c := r.store.credential(t, "work"); !store.closedAndWiped() || !r.server.Active(c.RefreshToken.Reveal()) {
			t.Errorf("got closed %t; want it closed and wiped, with the rotated credential", store.Closed())
		}
	})
}

// A rotated credential that the store did not take keeps the store of a locked oauthd open until it is saved.
func TestLockWaitsForASave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oauthtest.Config{})
		r.account("work")
		store := r.startDoored()
		r.unlock("hunter2")
		r.store.failing("put", keystore.ErrFull)
		r.token()
		if !r.shown("work").Degraded {
			t.Fatal("want a credential that is not saved")
		}
		r.lock()
		r.refused(api.Locked)
		time.Sleep(time.Minute)
		if store.Closed() {
			t.Error("the store was closed before the credential was saved")
		}
		r.store.script(nil)
		time.Sleep(2 * time.Minute)
		if c := r.store.credential(t, "work"); !store.closedAndWiped() || !r.server.Active(c.RefreshToken.Reveal()) {
			t.Errorf("got closed %t; want it closed and wiped, with the rotated credential", store.Closed())
		}
	})
}

func TestLockWithoutADoor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oauthtest.Config{})
		r.account("work")
		r.start()
		r.token()
		r.lock()
		r.refused(api.Locked)
		if a := r.shown("work"); a.State != api.StateLocked || a.ExpiresAt != nil {
			t.Errorf("got state %s, token until %v, want locked and none", a.State, a.ExpiresAt)
		}
		r.unlock("")
		r.token()
	})
}

// Locking ends the logins that wait for a person.
func TestLockEndsLogins(t *testing.T) {
	r := newRealRig(t, oauthtest.Config{})
	r.account("work")
	r.start()
	waiting := make(chan struct{}, 1)
	ended := make(chan error, 1)
	go func() {
		ended <- r.d.Login(context.Background(), "work", api.AccountDefinition{}, func(api.LoginEvent) { waiting <- struct{}{} })
	}()
	<-waiting
	r.lock()
	r.wants(<-ended, api.Locked)
	r.unlock("")
	r.token()
}

// Whoever tries many passphrases has to wait, also with the right one, and is told for how long.
func TestWrongPassphrasesWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oauthtest.Config{})
		r.account("work")
		store := r.startDoored()
		for range 3 {
			r.wants(r.d.Unlock(t.Context(), "hunter3"), api.Locked)
		}
		err := r.d.Unlock(t.Context(), "hunter2")
		r.wants(err, api.Busy)
		if e := api.AsError(err); e.RetryAfter != 1 || e.Hint != "try again in 1 s" || !store.Closed() {
			t.Errorf("got %+v, store closed %t, want it refused for a second", e, store.Closed())
		}
		time.Sleep(time.Second)
		r.unlock("hunter2")
		r.token()
	})
}
