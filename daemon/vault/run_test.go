package vault

import (
	"context"
	"errors"
	"slices"
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

// pauses returns the times between tries.
func pauses(tries []time.Time) []time.Duration {
	var between []time.Duration
	for i := 1; i < len(tries); i++ {
		between = append(between, tries[i].Sub(tries[i-1]))
	}
	return between
}

func TestRunRetriesWithBackOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &faultyStore{}
		v := New(store)
		stop := running(t, v)
		// The first retry comes at once: a store may fail for a moment only.
		want := []time.Duration{
			0, time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second, 32 * time.Second,
			time.Minute, time.Minute, time.Minute,
		}
		for round, name := range []string{"work", "home"} { // the second starts anew
			before := len(store.tries())
			store.set("put", errFault)
			_ = v.Rotate(t.Context(), name, credential("new"))
			time.Sleep(4*time.Minute + 30*time.Second)
			synctest.Wait()
			if got := pauses(store.tries()[before:]); !slices.Equal(got, want) {
				t.Errorf("round %d: got pauses %v, want %v", round, got, want)
			}

			store.set("put", nil)
			time.Sleep(time.Minute)
			synctest.Wait()
			if v.Degraded(name) || !v.Saved() || store.saved(t, name) != "new" {
				t.Errorf("round %d: got degraded %t, want the record saved once the store takes it", round, v.Degraded(name))
			}
			settled := len(store.tries())
			time.Sleep(time.Hour)
			synctest.Wait()
			if got := len(store.tries()); got != settled {
				t.Errorf("round %d: got %d puts more after it was saved, want none", round, got-settled)
			}
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

func TestSettledIsCalledByRunOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &faultyStore{}
		v := New(store)
		var settled []string
		v.Settled = func(name string) { settled = append(settled, name) }
		stop := running(t, v)
		if err := v.Save(t.Context(), "saved", credential("a")); err != nil {
			t.Fatal(err)
		}
		store.set("put", errFault)
		for _, name := range []string{"work", "home", "deleted"} {
			_ = v.Rotate(t.Context(), name, credential("new"))
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(settled) != 0 {
			t.Errorf("got %q settled while the store fails, want none", settled)
		}
		if err := v.Delete(t.Context(), "deleted"); err != nil {
			t.Fatal(err)
		}
		store.set("put", nil)
		time.Sleep(time.Hour)
		synctest.Wait()
		if want := []string{"home", "work"}; !slices.Equal(settled, want) {
			t.Errorf("got %q settled, want %q", settled, want)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// A record that was deleted between the listing and its turn is not written.
func TestNothingIsSavedThatIsNotPending(t *testing.T) {
	store := &faultyStore{}
	if settled, err := New(store).saveUnsaved(t.Context(), "work"); settled || err != nil || len(store.tries()) != 0 {
		t.Errorf("got settled %t, %v, %d writes; want nothing done", settled, err, len(store.tries()))
	}
}

func TestTheEndIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &faultyStore{}
		v := New(store)
		stop := running(t, v)
		store.set("put", errFault)
		_ = v.Rotate(t.Context(), "work", credential("new"))
		synctest.Wait()
		v.store = &hungStore{}
		began := time.Now()
		if err := stop(); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "work") {
			t.Errorf("got %v, want the deadline and what is lost", err)
		}
		if took := time.Since(began); took != 5*time.Second {
			t.Errorf("got %v, want 5 s", took)
		}
	})
}

// What somebody still uses at the end is lost too, if it was not saved.
func TestTheEndNamesWhatIsInUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &faultyStore{}
		v := New(store)
		stop := running(t, v)
		store.set("put", errFault)
		_ = v.Rotate(t.Context(), "work", credential("new"))
		unlock, err := v.Lock(t.Context(), "work")
		if err != nil {
			t.Fatal(err)
		}
		defer unlock()
		store.set("put", nil)
		if err := stop(); err == nil || !strings.Contains(err.Error(), "work") || !v.Degraded("work") {
			t.Errorf("got %v, want an error that names what is lost", err)
		}
	})
}
