package vault

import (
	"errors"
	"testing"
	"time"

	"oauthd/daemon/account"
)

// mustSave saves c under "work".
func mustSave(t *testing.T, v *Vault, c account.Credential) {
	t.Helper()
	if err := v.Save(t.Context(), "work", c); err != nil {
		t.Fatal(err)
	}
}

// aged is a credential of a login that was so many hours after the first, and was saved so often.
func aged(hours int, generation uint64, refreshToken string) account.Credential {
	c := credential(refreshToken)
	c.LoggedInAt = c.LoggedInAt.Add(time.Duration(hours) * time.Hour)
	c.Generation = generation
	return c
}

// behind writes c to the store behind the vault's back.
func behind(t *testing.T, s *faultyStore, c account.Credential) {
	t.Helper()
	data, err := encode("work", c)
	if err != nil {
		t.Fatal(err)
	}
	s.put(t, "work", data)
}

func TestOlderRecordIsRefused(t *testing.T) {
	for _, tt := range []struct {
		name string
		now  account.Credential // found in the store after generation 5 of the login at hour 2 was saved
		want error
	}{
		{"an older save", aged(2, 4, "found"), ErrOutdated},
		{"an older login", aged(1, 9, "found"), ErrOutdated},
		{"the same", aged(2, 5, "found"), nil},
		{"a newer save", aged(2, 6, "found"), nil},
		{"a newer login", aged(3, 1, "found"), nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, known := range []string{"saved", "read"} {
				s := &faultyStore{}
				v := New(s)
				if known == "saved" {
					mustSave(t, v, aged(2, 4, "saved"))
				} else {
					behind(t, s, aged(2, 5, "saved"))
				}
				if _, err := v.Load(t.Context(), "work"); err != nil {
					t.Fatal(err)
				}
				behind(t, s, tt.now)
				for range 2 {
					c, err := v.Load(t.Context(), "work")
					if !errors.Is(err, tt.want) || (err == nil) != (tt.want == nil) || errors.Is(err, ErrUnreadable) != (tt.want != nil) {
						t.Errorf("%s: got %v, want %v", known, err, tt.want)
					}
					if served := c.RefreshToken.Reveal() == "found"; served != (tt.want == nil) {
						t.Errorf("%s: got the record served %t", known, served)
					}
				}
				if s.saved(t, "work") != "found" {
					t.Errorf("%s: the record was changed, want it left as it is", known)
				}
				if _, err := New(s).Load(t.Context(), "work"); err != nil {
					t.Errorf("%s: a new vault: got %v, want nil: it knows nothing", known, err)
				}
				mustSave(t, v, aged(0, 0, "new")) // whatever it replaces
				if _, err := v.Load(t.Context(), "work"); err != nil {
					t.Errorf("%s: after a save: got %v, want nil", known, err)
				}
			}
		})
	}
}

// A record may lack the date of its login, or have an odd one.
func TestDateOfTheLoginIsNotKnown(t *testing.T) {
	for _, at := range []time.Time{{}, time.Date(1969, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)} {
		s := &faultyStore{}
		c := credential("rt")
		c.LoggedInAt = at
		behind(t, s, c)
		v := New(s)
		for range 2 {
			if _, err := v.Load(t.Context(), "work"); err != nil {
				t.Errorf("%v: got %v, want nil", at, err)
			}
		}
	}
}

// A credential that somebody else deleted is no credential: the daemon compares that with what it knows.
func TestVanished(t *testing.T) {
	for name, do := range map[string]func(v *Vault){
		"after a save": func(v *Vault) { mustSave(t, v, credential("a")) },
		"after a load": func(v *Vault) { _, _ = v.Load(t.Context(), "work") },
		"after a failure": func(v *Vault) {
			v.store.(*faultyStore).set("put", errFault)
			_ = v.Save(t.Context(), "work", credential("b"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := &faultyStore{}
			v := New(s)
			behind(t, s, credential("a"))
			do(v)
			s.set("put", nil)
			if err := s.Memory.Delete(t.Context(), "work"); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if _, err := v.Load(t.Context(), "work"); !errors.Is(err, ErrNoCredential) || errors.Is(err, ErrUnreadable) {
					t.Errorf("got %v, want ErrNoCredential", err)
				}
			}
			mustSave(t, v, credential("back"))
			if _, err := v.Load(t.Context(), "work"); err != nil {
				t.Errorf("after a new login: got %v, want nil", err)
			}
		})
	}
}

// A change that failed leaves what was known: the record is the old one, and an older one still counts as such.
func TestFailedChangeIsNotSeen(t *testing.T) {
	for name, do := range map[string]func(v *Vault) error{
		"save":   func(v *Vault) error { return v.Save(t.Context(), "work", aged(5, 1, "b")) },
		"delete": func(v *Vault) error { return v.Delete(t.Context(), "work") },
	} {
		s := &faultyStore{}
		v := New(s)
		mustSave(t, v, aged(2, 4, "a"))
		s.set("put", errFault)
		s.set("delete", errFault)
		if err := do(v); !errors.Is(err, errFault) {
			t.Errorf("%s: got %v, want %v", name, err, errFault)
		}
		if s.saved(t, "work") != "a" {
			t.Errorf("%s: the record is not what was there before", name)
		}
		behind(t, s, aged(2, 3, "older"))
		if _, err := v.Load(t.Context(), "work"); !errors.Is(err, ErrOutdated) {
			t.Errorf("%s: got %v, want ErrOutdated", name, err)
		}
	}
}

// A Load without the record's lock, as a listing does it, may meet a change halfway: it never takes that for damage, and
// it leaves no knowledge behind that was true before the change only.
func TestLoadDuringAChange(t *testing.T) {
	t.Run("a delete after the read", func(t *testing.T) {
		s := &faultyStore{}
		v := New(s)
		mustSave(t, v, aged(2, 7, "a"))
		s.while("get", true, func() { _ = v.Delete(t.Context(), "work") })
		if c, err := v.Load(t.Context(), "work"); err != nil || c.RefreshToken.Reveal() != "a" {
			t.Errorf("got %v, want what was read", err)
		}
		behind(t, s, aged(1, 1, "another daemon's"))
		if _, err := v.Load(t.Context(), "work"); err != nil {
			t.Errorf("the next load: got %v, want nil: of a deleted record nothing is known", err)
		}
	})
	t.Run("a save after the read", func(t *testing.T) {
		s := &faultyStore{}
		v := New(s)
		mustSave(t, v, aged(0, 1, "a"))
		s.while("get", true, func() { mustSave(t, v, aged(0, 5, "b")) })
		if c, err := v.Load(t.Context(), "work"); err != nil || c.RefreshToken.Reveal() != "a" {
			t.Errorf("got %v, want what was read", err)
		}
		behind(t, s, aged(0, 4, "c"))
		if _, err := v.Load(t.Context(), "work"); !errors.Is(err, ErrOutdated) {
			t.Errorf("the next load: got %v, want ErrOutdated: the save counts, not the read", err)
		}
	})
	// As a login does that is undone: what was there before is saved again.
	for when, done := range map[string]bool{"before": false, "after": true} {
		t.Run("a save of an older login, "+when+" the store has it", func(t *testing.T) {
			s := &faultyStore{}
			v := New(s)
			mustSave(t, v, aged(9, 1, "late"))
			s.while("put", done, func() {
				if _, err := v.Load(t.Context(), "work"); err != nil {
					t.Errorf("got %v, want either record", err)
				}
			})
			mustSave(t, v, aged(1, 1, "early"))
			if c, err := v.Load(t.Context(), "work"); err != nil || c.RefreshToken.Reveal() != "early" {
				t.Errorf("got %v, want what was saved", err)
			}
		})
		t.Run("a read "+when+" a save of an older login", func(t *testing.T) {
			s := &faultyStore{}
			v := New(s)
			mustSave(t, v, aged(9, 1, "late"))
			s.while("get", done, func() { mustSave(t, v, aged(1, 1, "early")) })
			for range 2 {
				if _, err := v.Load(t.Context(), "work"); err != nil {
					t.Errorf("got %v, want either record", err)
				}
			}
		})
	}
}

func TestNewer(t *testing.T) {
	of := func(name string, c account.Credential) []byte {
		data, err := encode(name, c)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	for _, tt := range []struct {
		name string
		a, b []byte
		want bool
	}{
		{"saved later", of("work", aged(1, 2, "a")), of("work", aged(1, 1, "b")), true},
		{"saved earlier", of("work", aged(1, 1, "a")), of("work", aged(1, 2, "b")), false},
		{"the same", of("work", aged(1, 1, "a")), of("work", aged(1, 1, "b")), false},
		{"a later login", of("work", aged(2, 1, "a")), of("work", aged(1, 7, "b")), true},
		{"an earlier login", of("work", aged(1, 7, "a")), of("work", aged(2, 1, "b")), false},
		{"without names", []byte(old), of("work", aged(0, 2, "b")), true},
		{"another's", of("home", aged(2, 1, "a")), of("work", aged(1, 1, "b")), false},
		{"than another's", of("work", aged(2, 1, "a")), of("home", aged(1, 1, "b")), false},
		{"damaged", []byte("x"), of("work", aged(1, 1, "b")), false},
		{"than a damaged one", of("work", aged(1, 1, "a")), []byte("x"), false},
	} {
		if got := Newer("work", tt.a, tt.b); got != tt.want {
			t.Errorf("%s: got %t, want %t", tt.name, got, tt.want)
		}
	}
}
