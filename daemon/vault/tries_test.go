package vault

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"oauthd/keystore"
)

func TestWrongPassphrasesWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &doorStore{}
		g := New(s).Gate()
		try := func(passphrase string) error { _, err := g.Open(t.Context(), passphrase); return err }
		wrong := func() {
			t.Helper()
			if err := try("hunter3"); !errors.Is(err, keystore.ErrPassphrase) {
				t.Errorf("got %v, want that the passphrase is wrong", err)
			}
		}
		refused := func(want time.Duration) {
			t.Helper()
			var many *TooManyTries
			if err := try("hunter2"); !errors.As(err, &many) || many.Wait != want {
				t.Errorf("got %v, want it refused for %v", err, want)
			}
			wantGate(t, g, s, true, true)
		}
		for range 2 {
			wrong()
			wrong()
			for _, wait := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60, 60} {
				wait *= time.Second
				wrong()
				refused(wait)
				time.Sleep(wait - time.Millisecond)
				refused(time.Millisecond) // a refusal puts nothing off
				time.Sleep(time.Millisecond)
			}
			if err := try("hunter2"); err != nil {
				t.Errorf("the right one: got %v", err)
			}
			g.Shut()
		}
	})
}

// Passphrases that come at once are tried one after another, so that none gets past the wait.
func TestWrongPassphrasesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &doorStore{opening: make(chan struct{}, 100), goOn: make(chan struct{})}
		g := New(s).Gate()
		var wait sync.WaitGroup
		for range 20 {
			wait.Go(func() { _, _ = g.Open(t.Context(), "hunter3") })
		}
		ctx, cancel := context.WithCancel(t.Context())
		synctest.Wait()
		wait.Go(func() {
			if _, err := g.Open(ctx, "hunter3"); !errors.Is(err, context.Canceled) {
				t.Errorf("got %v, want the context's end", err)
			}
		})
		cancel()
		synctest.Wait()
		close(s.goOn)
		wait.Wait()
		if n := len(s.opening); n != freeTries {
			t.Errorf("got %d tried, want %d", n, freeTries)
		}
	})
}
