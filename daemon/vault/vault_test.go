package vault

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"oauthd/keystore"
)

func TestSaveLoadDelete(t *testing.T) {
	store := &faultyStore{}
	v := New(store)
	ctx := t.Context()
	if _, err := v.Load(ctx, "work"); !errors.Is(err, ErrNoCredential) {
		t.Fatalf("load of nothing: got %v, want ErrNoCredential", err)
	}
	for i, want := range []string{"one", "two"} {
		c := credential(want)
		c.Generation = uint64(i)
		if err := v.Save(ctx, "work", c); err != nil {
			t.Fatal(err)
		}
		if store.saved(t, "work") != want {
			t.Errorf("save %d returned before the store had the record", i)
		}
		got, err := v.Load(ctx, "work")
		if err != nil || got.RefreshToken.Reveal() != want || got.Generation != uint64(i+1) {
			t.Errorf("load %d: got generation %d, %v; want generation %d and the saved token", i, got.Generation, err, i+1)
		}
	}
	if _, err := v.Load(ctx, "other"); !errors.Is(err, ErrNoCredential) {
		t.Errorf("load of another: got %v, want ErrNoCredential", err)
	}
	for range 2 {
		if err := v.Delete(ctx, "work"); err != nil {
			t.Errorf("delete: got %v, want nil", err)
		}
	}
	if _, err := v.Load(ctx, "work"); !errors.Is(err, ErrNoCredential) {
		t.Errorf("load after delete: got %v, want ErrNoCredential", err)
	}
}

func TestStoreFailures(t *testing.T) {
	for _, tt := range []struct {
		name string
		op   string
		err  error
		call func(v *Vault, ctx context.Context) error
		want error
	}{
		{"save", "put", errFault, func(v *Vault, ctx context.Context) error { return v.Save(ctx, "work", credential("new")) }, errFault},
		{"load", "get", errFault, func(v *Vault, ctx context.Context) error { _, err := v.Load(ctx, "work"); return err }, errFault},
		{"load, locked", "get", keystore.ErrLocked, func(v *Vault, ctx context.Context) error { _, err := v.Load(ctx, "work"); return err }, keystore.ErrLocked},
		{"load, damaged", "get", keystore.ErrDamaged, func(v *Vault, ctx context.Context) error { _, err := v.Load(ctx, "work"); return err }, ErrUnreadable},
		{"delete", "delete", errFault, func(v *Vault, ctx context.Context) error { return v.Delete(ctx, "work") }, errFault},
		{"delete of nothing", "delete", keystore.ErrNotFound, func(v *Vault, ctx context.Context) error { return v.Delete(ctx, "work") }, nil},
		{"probe, put", "put", errFault, func(v *Vault, ctx context.Context) error { return v.Probe(ctx) }, errFault},
		{"probe, delete", "delete", errFault, func(v *Vault, ctx context.Context) error { return v.Probe(ctx) }, errFault},
		{"check", "get", errFault, func(v *Vault, ctx context.Context) error { return v.Check(ctx) }, errFault},
		{"check of nothing", "get", keystore.ErrNotFound, func(v *Vault, ctx context.Context) error { return v.Check(ctx) }, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			store := &faultyStore{}
			v := New(store)
			if err := v.Save(t.Context(), "work", credential("old")); err != nil {
				t.Fatal(err)
			}
			store.set(tt.op, tt.err)
			err := tt.call(v, t.Context())
			if !errors.Is(err, tt.want) || (err == nil) != (tt.want == nil) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
			if err != nil && !strings.HasPrefix(err.Error(), "vault: ") {
				t.Errorf("got %v, want an error that says what failed", err)
			}
			if errors.Is(err, ErrNoCredential) {
				t.Error("a failing store was taken for an empty one")
			}
			if store.saved(t, "work") != "old" || v.Degraded("work") {
				t.Error("the record changed, want what was there before and not degraded")
			}
		})
	}
}

func TestRotateKeepsWhatTheStoreDoesNotTake(t *testing.T) {
	store := &faultyStore{}
	v := New(store)
	ctx := t.Context()
	if err := v.Save(ctx, "work", credential("old")); err != nil {
		t.Fatal(err)
	}
	store.set("put", errFault)
	c := credential("new")
	c.Generation = 1
	if err := v.Rotate(ctx, "work", c); !errors.Is(err, errFault) {
		t.Errorf("got %v, want the store's error for the log", err)
	}
	store.set("get", errFault)
	got, err := v.Load(ctx, "work")
	if err != nil || got.RefreshToken.Reveal() != "new" || got.Generation != 2 {
		t.Errorf("got generation %d, %v; want the rotated credential, generation 2", got.Generation, err)
	}
	if !v.Degraded("work") || v.Degraded("other") {
		t.Errorf("got degraded %t and %t, want true for this account alone", v.Degraded("work"), v.Degraded("other"))
	}
	if store.saved(t, "work") != "old" {
		t.Error("the store has another record than before")
	}

	store.set("put", nil)
	if err := v.Rotate(ctx, "work", credential("newer")); err != nil || v.Degraded("work") || store.saved(t, "work") != "newer" {
		t.Errorf("got %v, degraded %t; want the next rotation saved", err, v.Degraded("work"))
	}
}

func TestPendingGoesWith(t *testing.T) {
	for _, tt := range []struct {
		name string
		fail error
		call func(v *Vault, ctx context.Context) error
		want string // what Load returns after
		left bool   // whether it is degraded after
	}{
		{"a delete", nil, func(v *Vault, ctx context.Context) error { return v.Delete(ctx, "work") }, "", false},
		{"not with a failed delete", errFault, func(v *Vault, ctx context.Context) error { return v.Delete(ctx, "work") }, "pending", true},
		{"a save", nil, func(v *Vault, ctx context.Context) error { return v.Save(ctx, "work", credential("saved")) }, "saved", false},
		{"not with a failed save", errFault, func(v *Vault, ctx context.Context) error { return v.Save(ctx, "work", credential("saved")) }, "pending", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			store := &faultyStore{}
			v := New(store)
			store.set("put", errFault)
			_ = v.Rotate(t.Context(), "work", credential("pending"))
			store.set("put", tt.fail)
			store.set("delete", tt.fail)
			if err := tt.call(v, t.Context()); !errors.Is(err, tt.fail) {
				t.Errorf("got %v, want %v", err, tt.fail)
			}
			c, err := v.Load(t.Context(), "work")
			if c.RefreshToken.Reveal() != tt.want || tt.want == "" && !errors.Is(err, ErrNoCredential) {
				t.Errorf("load: got another credential than wanted, and error %v", err)
			}
			if got := v.Degraded("work"); got != tt.left {
				t.Errorf("got degraded %t, want %t", got, tt.left)
			}
		})
	}
}

func TestUnreadableRecordIsLeft(t *testing.T) {
	for name, text := range map[string]string{
		"not JSON":        "hunter2",
		"another type":    `"hunter2"`,
		"empty":           "",
		"no version":      `{"refresh_token":"hunter2"}`,
		"another version": `{"v":2,"refresh_token":"hunter2"}`,
		"wrong field":     `{"v":1,"refresh_token":["hunter2"]}`,
	} {
		t.Run(name, func(t *testing.T) {
			store := &faultyStore{}
			if err := store.Memory.Put(t.Context(), "work", []byte(text)); err != nil {
				t.Fatal(err)
			}
			_, err := New(store).Load(t.Context(), "work")
			if !errors.Is(err, ErrUnreadable) || errors.Is(err, ErrNoCredential) {
				t.Fatalf("got %v, want ErrUnreadable", err)
			}
			if shows(err.Error(), "hunter2") {
				t.Error("the error quotes the record")
			}
			data, err := store.Memory.Get(t.Context(), "work")
			if err != nil || string(data) != text {
				t.Errorf("the record was changed (%v), want it left as it is", err)
			}
		})
	}
}

func TestProbeLeavesNothing(t *testing.T) {
	store := &faultyStore{}
	v := New(store)
	if err := v.Probe(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(store.tries()) != 1 {
		t.Errorf("got %d puts, want a probe that writes", len(store.tries()))
	}
	if _, err := store.Memory.Get(t.Context(), probeName); !errors.Is(err, keystore.ErrNotFound) {
		t.Errorf("got %v, want the probe's record gone", err)
	}
	if err := v.Check(t.Context()); err != nil || len(store.tries()) != 1 {
		t.Errorf("check: got %v and %d puts, want no write", err, len(store.tries()))
	}
	store.put(t, probeName, []byte("left behind by a daemon that was killed"))
	if err := v.Check(t.Context()); err != nil {
		t.Errorf("check: got %v, want nil", err)
	}
}

func TestLockExcludes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := New(&faultyStore{})
		unlock, err := v.Lock(t.Context(), "work")
		if err != nil {
			t.Fatal(err)
		}
		other, err := v.Lock(t.Context(), "other")
		if err != nil {
			t.Fatal(err)
		}
		other()

		ctx, cancel := context.WithCancel(t.Context())
		gaveUp := make(chan error, 1)
		go func() { _, err := v.Lock(ctx, "work"); gaveUp <- err }()
		got := make(chan func(), 1)
		go func() {
			unlock, err := v.Lock(context.Background(), "work")
			if err != nil {
				t.Error(err)
			}
			got <- unlock
		}()
		synctest.Wait()
		if len(got) != 0 {
			t.Error("got the lock twice, want the second to wait")
		}
		cancel()
		if err := <-gaveUp; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want a wait that ends with its context", err)
		}
		unlock()
		(<-got)()
	})
}
