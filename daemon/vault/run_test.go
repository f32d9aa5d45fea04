package vault

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// running starts Run in a bubble and returns what ends it.
func running(t *testing.T, v *Vault) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	ended := make(chan error, 1)
	go func() { ended <- v.Run(ctx) }()
	synctest.Wait()
	return func() error { cancel(); return <-ended }
}

func TestRunRetriesWithBackOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &faultyStore{}
		v := New(store)
		stop := running(t, v)
		store.set("put", errFault)
		_ = v.Rotate(t.Context(), "work", credential("new"))
		time.Sleep(10 * time.Minute)
		synctest.Wait()

		tries := store.tries()
		if len(tries) < 10 || len(tries) > 25 {
			t.Fatalf("got %d tries in 10 min, want 1 s doubling to a minute", len(tries))
		}
		last := time.Duration(0)
		for i := 2; i < len(tries); i++ { // the first retry comes at once
			pause := tries[i].Sub(tries[i-1])
			if pause < firstRetry || pause > lastRetry || pause < last {
				t.Errorf("pause %d: got %v after %v, want it growing from %v to %v", i, pause, last, firstRetry, lastRetry)
			}
			last = pause
		}
		if last != lastRetry {
			t.Errorf("got a last pause of %v, want %v", last, lastRetry)
		}

		store.set("put", nil)
		time.Sleep(lastRetry)
		synctest.Wait()
		if v.Degraded("work") || store.saved(t, "work") != "new" {
			t.Errorf("got degraded %t, want the record saved once the store takes it", v.Degraded("work"))
		}
		settled := len(store.tries())
		time.Sleep(time.Hour)
		synctest.Wait()
		if got := len(store.tries()); got != settled {
			t.Errorf("got %d puts more after it was saved, want none", got-settled)
		}

		store.set("put", errFault)
		_ = v.Rotate(t.Context(), "work", credential("newer"))
		store.set("put", nil)
		time.Sleep(firstRetry)
		synctest.Wait()
		if v.Degraded("work") || store.saved(t, "work") != "newer" {
			t.Error("the back-off did not start anew after a success")
		}
		if err := stop(); err != nil {
			t.Errorf("got %v, want nil with nothing left to save", err)
		}
	})
}

func TestRunSavesAtTheEnd(t *testing.T) {
	for _, tt := range []struct {
		name    string
		working bool
	}{{"the store takes it", true}, {"the store does not", false}} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := &faultyStore{}
				v := New(store)
				stop := running(t, v)
				store.set("put", errFault)
				_ = v.Rotate(t.Context(), "work", credential("new"))
				_ = v.Rotate(t.Context(), "home", credential("new"))
				synctest.Wait()
				if tt.working {
					store.set("put", nil)
				}
				err := stop()
				if tt.working && (err != nil || store.saved(t, "work") != "new" || store.saved(t, "home") != "new") {
					t.Errorf("got %v, want both saved at the end", err)
				}
				if !tt.working && (!errors.Is(err, errFault) || !strings.Contains(err.Error(), "work") || !strings.Contains(err.Error(), "home")) {
					t.Errorf("got %v, want an error that names what is lost", err)
				}
			})
		})
	}
}

func TestRunWaitsForTheRecordsLock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &faultyStore{}
		v := New(store)
		stop := running(t, v)
		unlock, err := v.Lock(t.Context(), "work")
		if err != nil {
			t.Fatal(err)
		}
		store.set("put", errFault)
		_ = v.Rotate(t.Context(), "work", credential("new"))
		store.set("put", nil)
		time.Sleep(time.Minute)
		if got := len(store.tries()); got != 1 {
			t.Errorf("got %d puts while the record was locked, want 1", got)
		}
		if err := v.Delete(t.Context(), "work"); err != nil {
			t.Fatal(err)
		}
		unlock()
		time.Sleep(time.Minute)
		if got := store.saved(t, "work"); got != "" {
			t.Error("a deleted credential came back, want it forgotten")
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// A record whose lock is held, as while a provider hangs, holds up no other.
func TestRunSavesOthersMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &faultyStore{}
		v := New(store)
		stop := running(t, v)
		unlock, err := v.Lock(t.Context(), "home")
		if err != nil {
			t.Fatal(err)
		}
		store.set("put", errFault)
		_ = v.Rotate(t.Context(), "home", credential("new"))
		_ = v.Rotate(t.Context(), "work", credential("new"))
		store.set("put", nil)
		time.Sleep(lastRetry)
		synctest.Wait()
		if store.saved(t, "work") != "new" {
			t.Error("work is not saved, because the lock of home is held")
		}
		if store.saved(t, "home") != "" {
			t.Error("home is saved by another than who holds its lock")
		}
		unlock()
		time.Sleep(2 * lastRetry)
		synctest.Wait()
		if store.saved(t, "home") != "new" {
			t.Error("home is not saved, and its lock is free")
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}
