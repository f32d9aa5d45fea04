package stores

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"oauthd/daemon/account"
	"oauthd/daemon/config"
	"oauthd/daemon/provider"
	"oauthd/daemon/vault"
	"oauthd/ipc/api"
	"oauthd/keystore"
)

// stepped is a memory store that fails from the step-th operation on. A change that fails
// is done or not, by landed.
type stepped struct {
	keystore.Memory
	steps  *int
	fuse   int
	landed bool
	names  []string // what Names returns; nil if it is not to be asked
}

var errStopped = errors.New("stopped here")

func (s *stepped) step() bool {
	*s.steps++
	return s.fuse > 0 && *s.steps >= s.fuse
}

func (s *stepped) Get(ctx context.Context, name string) ([]byte, error) {
	if s.step() {
		return nil, errStopped
	}
	return s.Memory.Get(ctx, name)
}

func (s *stepped) Put(ctx context.Context, name string, data []byte) error {
	if s.step() {
		if s.landed {
			_ = s.Memory.Put(ctx, name, data)
		}
		return errStopped
	}
	return s.Memory.Put(ctx, name, data)
}

func (s *stepped) Delete(ctx context.Context, name string) error {
	if s.step() {
		if s.landed {
			_ = s.Memory.Delete(ctx, name)
		}
		return errStopped
	}
	return s.Memory.Delete(ctx, name)
}

type listing struct{ *stepped }

func (l listing) Names(context.Context) ([]string, error) {
	if l.step() {
		return nil, errStopped
	}
	return l.names, nil
}

func migrated() (cfg *config.Config, records map[string]string) {
	cfg = &config.Config{
		Accounts: map[string]*account.Account{
			"work": {Provider: "corp"}, "play": {Issuer: "https://login.example.com"}, "new": {Provider: "google"},
		},
		Providers: map[string]provider.Provider{"corp": {Row: provider.Row{Issuer: "https://corp.example.com"}}},
	}
	records = map[string]string{
		"work": "of work", "play": "of play",
		vault.RegistrationName("https://corp.example.com"):  "of corp",
		vault.RegistrationName("https://login.example.com"): "of login",
	}
	return cfg, records
}

func fill(t *testing.T, s *keystore.Memory, records map[string]string) {
	t.Helper()
	for name, text := range records {
		if err := s.Put(t.Context(), name, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
}

func held(t *testing.T, s *keystore.Memory, names []string) map[string]string {
	t.Helper()
	got := map[string]string{}
	for _, name := range names {
		data, err := s.Get(t.Context(), name)
		if err == nil {
			got[name] = string(data)
		} else if !errors.Is(err, keystore.ErrNotFound) {
			t.Fatal(err)
		}
	}
	return got
}

func TestMigrate(t *testing.T) {
	cfg, records := migrated()
	names := slices.Collect(maps.Keys(records))
	from, to := &stepped{steps: new(int)}, &stepped{steps: new(int)}
	fill(t, &from.Memory, records)
	fill(t, &to.Memory, map[string]string{"work": "stale", "other": "somebody's"})
	moved, err := Migrate(t.Context(), cfg, from, to)
	if err != nil || moved != len(records) {
		t.Fatalf("got %d moved, %v, want %d", moved, err, len(records))
	}
	if got := held(t, &to.Memory, names); !maps.Equal(got, records) {
		t.Errorf("the new store: got %d records, want all %d as they were", len(got), len(records))
	}
	if got := held(t, &from.Memory, names); len(got) != 0 {
		t.Errorf("the old store: got %d records left, want none", len(got))
	}
	if got := held(t, &to.Memory, []string{"other"}); got["other"] != "somebody's" {
		t.Error("another record of the new store was touched")
	}
	if moved, err := Migrate(t.Context(), cfg, from, to); err != nil || moved != 0 {
		t.Errorf("again: got %d moved, %v, want none", moved, err)
	}
}

func TestMigrateListedRecords(t *testing.T) {
	from, to := &stepped{steps: new(int), names: []string{"forgotten", "work"}}, &keystore.Memory{}
	fill(t, &from.Memory, map[string]string{"forgotten": "f", "work": "w"})
	moved, err := Migrate(t.Context(), &config.Config{Accounts: map[string]*account.Account{"work": {}}}, listing{from}, to)
	if err != nil || moved != 2 || len(held(t, to, []string{"forgotten", "work"})) != 2 {
		t.Errorf("got %d moved, %v, want what the store lists too", moved, err)
	}
}

// Stopped at any operation of either store, each record is in one of the stores as it was, and a second call ends well.
func TestMigrateStoppedAnywhere(t *testing.T) {
	cfg, records := migrated()
	names := slices.Collect(maps.Keys(records))
	for _, landed := range []bool{false, true} {
		for fuse := 1; ; fuse++ {
			step := fmt.Sprintf("operation %d, landed %t", fuse, landed)
			steps := new(int)
			from := &stepped{steps: steps, fuse: fuse, landed: landed, names: names}
			to := &stepped{steps: steps, fuse: fuse, landed: landed}
			fill(t, &from.Memory, records)
			_, err := Migrate(t.Context(), cfg, listing{from}, to)
			if err == nil {
				if fuse < 20 {
					t.Errorf("%s: got a move of %d operations, want one that reads back", step, *steps)
				}
				break
			}
			if !errors.Is(err, errStopped) || api.AsError(err).Code != api.KeystoreUnavailable || !strings.Contains(err.Error(), "the move stopped") {
				t.Errorf("%s: got %v, want %s", step, err, api.KeystoreUnavailable)
			}
			old, fresh := held(t, &from.Memory, names), held(t, &to.Memory, names)
			for name, text := range records {
				if old[name] != text && fresh[name] != text {
					t.Errorf("%s: %s is lost", step, name)
				}
			}
			from.fuse, to.fuse = 0, 0
			if _, err := Migrate(t.Context(), cfg, listing{from}, to); err != nil {
				t.Errorf("%s: again: got %v, want nil", step, err)
			}
			if got := held(t, &to.Memory, names); !maps.Equal(got, records) || len(held(t, &from.Memory, names)) != 0 {
				t.Errorf("%s: again: got %d of %d records", step, len(got), len(records))
			}
		}
	}
}

// A move was stopped, and the new store used before a second one: what was rotated there is not overwritten.
func TestMigrateKeepsTheNewerRecord(t *testing.T) {
	record := func(loggedIn time.Time, rotations int, refreshToken string) string {
		store := &keystore.Memory{}
		v := vault.New(store)
		c := account.Credential{LoggedInAt: loggedIn, Generation: uint64(rotations), RefreshToken: account.NewSecret(refreshToken)}
		if err := v.Save(t.Context(), "work", c); err != nil {
			t.Fatal(err)
		}
		data, err := store.Get(t.Context(), "work")
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	first := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	second := first.Add(time.Hour)
	for _, tt := range []struct {
		name, old, fresh string
		keepsFresh       bool
	}{
		{"rotated in the new store", record(first, 1, "spent"), record(first, 2, "good"), true},
		{"rotated in the old store", record(first, 2, "good"), record(first, 1, "spent"), false},
		{"a login in the new store", record(first, 7, "former"), record(second, 1, "latter"), true},
		{"a login in the old store", record(second, 1, "latter"), record(first, 7, "former"), false},
		{"the same age", record(first, 1, "old"), record(first, 1, "fresh"), false},
		{"damage in the new store", record(first, 1, "good"), "damage", false},
		{"damage in the old store", "damage", record(first, 1, "good"), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			from, to := &keystore.Memory{}, &keystore.Memory{}
			fill(t, from, map[string]string{"work": tt.old})
			fill(t, to, map[string]string{"work": tt.fresh})
			cfg := &config.Config{Accounts: map[string]*account.Account{"work": {}}}
			if moved, err := Migrate(t.Context(), cfg, from, to); err != nil || moved != 1 {
				t.Fatalf("got %d moved, %v, want 1", moved, err)
			}
			if got := held(t, to, []string{"work"})["work"] == tt.fresh; got != tt.keepsFresh {
				t.Errorf("got the new store's own record kept: %t, want %t", got, tt.keepsFresh)
			}
			if left := held(t, from, []string{"work"}); len(left) != 0 {
				t.Error("got a record left in the old store, want none")
			}
		})
	}
}

// forgetful takes everything and keeps something else.
type forgetful struct {
	keystore.Memory
	keeps func(data []byte) []byte
}

func (f *forgetful) Put(ctx context.Context, name string, data []byte) error {
	if kept := f.keeps(data); kept != nil {
		return f.Memory.Put(ctx, name, kept)
	}
	return nil
}

func TestMigrateToAStoreThatDoesNotKeep(t *testing.T) {
	cfg, records := migrated()
	for name, keeps := range map[string]func([]byte) []byte{
		"nothing": func([]byte) []byte { return nil },
		"all but the last": func(data []byte) []byte {
			if string(data) == "of work" {
				return nil
			}
			return data
		},
		"half": func(data []byte) []byte { return data[:len(data)/2] },
	} {
		t.Run(name, func(t *testing.T) {
			from := &keystore.Memory{}
			fill(t, from, records)
			moved, err := Migrate(t.Context(), cfg, from, &forgetful{keeps: keeps})
			if !errors.Is(err, errNotKept) || moved != 0 {
				t.Errorf("got %d moved, %v, want %v", moved, err, errNotKept)
			}
			if got := held(t, from, slices.Collect(maps.Keys(records))); !maps.Equal(got, records) {
				t.Errorf("got %d records left, want all", len(got))
			}
		})
	}
}
