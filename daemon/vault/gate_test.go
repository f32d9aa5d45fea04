package vault

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"oauthd/keystore"
)

// doorStore is a faultyStore that the passphrase "hunter2" opens.
type doorStore struct {
	faultyStore

	open bool // guarded by mu
	// opening, if it is set, gets a value when Open begins; the answer waits for goOn.
	opening, goOn chan struct{}
}

func (s *doorStore) Open(_ context.Context, passphrase string) error {
	if s.opening != nil {
		s.opening <- struct{}{}
		<-s.goOn
	}
	if passphrase != "hunter2" {
		return keystore.ErrPassphrase
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open = true
	return nil
}

func (s *doorStore) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open = false
}

func (s *doorStore) Closed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.open
}

func (s *doorStore) Needs() string { return keystore.NeedsPassphrase }

func (s *doorStore) Put(ctx context.Context, name string, data []byte) error {
	if s.Closed() {
		return keystore.ErrLocked
	}
	return s.faultyStore.Put(ctx, name, data)
}

// wantGate checks whether the gate is shut and the store is closed.
func wantGate(t *testing.T, g *Gate, s *doorStore, shut, closed bool) {
	t.Helper()
	if g.Locked() != shut || s.Closed() != closed {
		t.Errorf("got shut %t, closed %t; want %t, %t", g.Locked(), s.Closed(), shut, closed)
	}
}

// mustOpen opens g and checks what Open reports.
func mustOpen(t *testing.T, g *Gate, passphrase string, wantChanged bool) {
	t.Helper()
	if changed, err := g.Open(t.Context(), passphrase); err != nil || changed != wantChanged {
		t.Fatalf("open: got changed %t, %v; want %t", changed, err, wantChanged)
	}
}

func mustEnter(t *testing.T, g *Gate) (leave func()) {
	t.Helper()
	leave, err := g.Enter()
	if err != nil {
		t.Fatalf("enter: got %v, want nil", err)
	}
	return leave
}

func TestGateStartsAsItsStore(t *testing.T) {
	for name, open := range map[string]bool{"closed": false, "open": true} {
		t.Run(name, func(t *testing.T) {
			s := &doorStore{open: open}
			g := New(s).Gate()
			wantGate(t, g, s, !open, !open)
			if _, err := g.Enter(); !errors.Is(err, ErrShut) && !open || err != nil && open {
				t.Errorf("enter: got %v with the store open %t", err, open)
			}
			if g.Needs() != keystore.NeedsPassphrase {
				t.Errorf("got needs %q, want what the store needs", g.Needs())
			}
		})
	}
}

func TestGateOpensAndShuts(t *testing.T) {
	s := &doorStore{}
	g := New(s).Gate()
	if changed, err := g.Open(t.Context(), ""); changed || !errors.Is(err, keystore.ErrPassphrase) {
		t.Errorf("open without a passphrase: got changed %t, %v; want the store's refusal", changed, err)
	}
	wantGate(t, g, s, true, true)
	mustOpen(t, g, "hunter2", true)
	wantGate(t, g, s, false, false)
	mustOpen(t, g, "hunter2", false)
	mustOpen(t, g, "", false) // nothing to check
	if changed, err := g.Open(t.Context(), "hunter3"); changed || !errors.Is(err, keystore.ErrPassphrase) {
		t.Errorf("open with a wrong passphrase: got changed %t, %v; want the store's refusal", changed, err)
	}
	wantGate(t, g, s, false, false)
	if !g.Shut() {
		t.Error("shut: got no change, want one")
	}
	wantGate(t, g, s, true, true)
	if g.Shut() {
		t.Error("shut again: got a change, want none")
	}
}

func TestGateClosesWhenTheLastHasLeft(t *testing.T) {
	s := &doorStore{open: true}
	g := New(s).Gate()
	first, second := mustEnter(t, g), mustEnter(t, g)
	g.Shut()
	wantGate(t, g, s, true, false)
	if _, err := g.Enter(); !errors.Is(err, ErrShut) {
		t.Errorf("enter while others are inside: got %v, want ErrShut", err)
	}
	first()
	wantGate(t, g, s, true, false)
	second()
	wantGate(t, g, s, true, true)
	mustOpen(t, g, "hunter2", true)
	mustEnter(t, g)()
	wantGate(t, g, s, false, false)
}

func TestGateClosesWhenEverythingIsSaved(t *testing.T) {
	for name, save := range map[string]func(v *Vault, s *doorStore) error{
		"by a later rotation": func(v *Vault, _ *doorStore) error { return v.Rotate(context.Background(), "work", credential("newer")) },
		"by a save":           func(v *Vault, _ *doorStore) error { return v.Save(context.Background(), "work", credential("newer")) },
		"by a delete":         func(v *Vault, _ *doorStore) error { return v.Delete(context.Background(), "work") },
	} {
		t.Run(name, func(t *testing.T) {
			s := &doorStore{open: true}
			v := New(s)
			s.set("put", errFault)
			_ = v.Rotate(t.Context(), "work", credential("new"))
			v.Gate().Shut()
			wantGate(t, v.Gate(), s, true, false)
			s.set("put", nil)
			if err := save(v, s); err != nil {
				t.Fatal(err)
			}
			wantGate(t, v.Gate(), s, true, true)
		})
	}
}

func TestGateClosesWhenRunHasSaved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &doorStore{open: true}
		v := New(s)
		v.Settled = func(string) { wantGate(t, v.Gate(), s, true, true) }
		stop := running(t, v)
		s.set("put", errFault)
		_ = v.Rotate(t.Context(), "work", credential("new"))
		_ = v.Rotate(t.Context(), "home", credential("new"))
		v.Gate().Shut()
		time.Sleep(time.Hour)
		wantGate(t, v.Gate(), s, true, false)
		if err := v.Delete(t.Context(), "home"); err != nil {
			t.Fatal(err)
		}
		wantGate(t, v.Gate(), s, true, false) // one is left
		s.set("put", nil)
		time.Sleep(lastRetry)
		synctest.Wait()
		wantGate(t, v.Gate(), s, true, true)
		if s.saved(t, "work") != "new" {
			t.Error("the store was closed before the credential was saved")
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// The store is not closed under an Open that is under way, and one that fails leaves no open store behind.
func TestGateWhileOpening(t *testing.T) {
	for name, tt := range map[string]struct {
		passphrase string
		want       error
		shut       bool // after it
	}{
		"the right passphrase": {"hunter2", nil, false},
		"a wrong passphrase":   {"hunter3", keystore.ErrPassphrase, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := &doorStore{open: true, opening: make(chan struct{}), goOn: make(chan struct{})}
			g := New(s).Gate()
			leave := mustEnter(t, g)
			g.Shut()
			opened := make(chan error, 1)
			go func() { _, err := g.Open(t.Context(), tt.passphrase); opened <- err }()
			<-s.opening
			leave()
			wantGate(t, g, s, true, false)
			close(s.goOn)
			if err := <-opened; !errors.Is(err, tt.want) {
				t.Errorf("open: got %v, want %v", err, tt.want)
			}
			wantGate(t, g, s, tt.shut, tt.shut)
		})
	}
}

func TestGateOfAStoreThatCannotBeClosed(t *testing.T) {
	g := New(&faultyStore{}).Gate()
	leave := mustEnter(t, g)
	if !g.Shut() || !g.Locked() || g.Needs() != "" {
		t.Errorf("got shut %t, needs %q; want it shut, and nothing asked for", g.Locked(), g.Needs())
	}
	leave()
	if _, err := g.Enter(); !errors.Is(err, ErrShut) {
		t.Errorf("enter: got %v, want ErrShut", err)
	}
	mustOpen(t, g, "anything", true)
	mustEnter(t, g)()
}
