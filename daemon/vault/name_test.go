package vault

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"oauthd/daemon/account"
	"oauthd/keystore"
)

// old is a credential as it was stored before records had names.
const old = `{"v":1,"gen":3,"iss":"https://login.example.com","token_endpoint":"https://login.example.com/token",` +
	`"client_id":"app","refresh_token":"planted","logged_in_at":"2026-01-02T03:04:05Z","later":{"field":1}}`

// oldRegistration is a registration as it was stored before records had names.
const oldRegistration = `{"v":1,"iss":"https://login.example.com","client_id":"cl-1","redirect_uris":["http://127.0.0.1/callback"]}`

// save stores a credential with refreshToken under name by a Vault of its own.
func save(t *testing.T, s keystore.Store, name, refreshToken string) {
	t.Helper()
	if err := New(s).Save(t.Context(), name, credential(refreshToken)); err != nil {
		t.Fatal(err)
	}
}

// wantMisplaced checks that a new Vault refuses the record under name.
func wantMisplaced(t *testing.T, s keystore.Store, name string) {
	t.Helper()
	c, err := New(s).Load(t.Context(), name)
	if !errors.Is(err, ErrMisplaced) || !errors.Is(err, ErrUnreadable) || errors.Is(err, ErrNoCredential) {
		t.Errorf("%s: got %v, want ErrMisplaced", name, err)
	}
	if !reflect.DeepEqual(c, account.Credential{}) {
		t.Errorf("%s: another account's credential was returned", name)
	}
}

func TestSwappedRecordsAreRefused(t *testing.T) {
	s := &faultyStore{}
	save(t, s, "work", "token of work")
	save(t, s, "home", "token of home")
	work, home := s.bytesOf(t, "work"), s.bytesOf(t, "home")
	s.put(t, "work", home)
	s.put(t, "home", work)
	wantMisplaced(t, s, "work")
	wantMisplaced(t, s, "home")
	if !bytes.Equal(s.bytesOf(t, "work"), home) {
		t.Error("the misplaced record was changed, want it left as it is")
	}
	s.put(t, "work", work)
	if c, err := New(s).Load(t.Context(), "work"); err != nil || c.RefreshToken.Reveal() != "token of work" {
		t.Errorf("back in its place: got %v, want it served", err)
	}
	s.put(t, "third", work)
	wantMisplaced(t, s, "third")
}

func TestMisplacedRegistrationIsRefused(t *testing.T) {
	const other = "https://other.example.com"
	s := &faultyStore{}
	v := New(s)
	for _, at := range []string{issuer, other} {
		if err := v.SaveRegistration(t.Context(), account.Registration{Issuer: at, ClientID: "cl-1"}); err != nil {
			t.Fatal(err)
		}
	}
	save(t, s, "work", "rt")
	ours := s.bytesOf(t, RegistrationName(issuer))
	for name, data := range map[string][]byte{
		"another issuer's":           s.bytesOf(t, RegistrationName(other)),
		"a credential of the issuer": s.bytesOf(t, "work"), // has an issuer and a client_id too
		"with another name":          bytes.Replace(ours, []byte(RegistrationName(issuer)), []byte(RegistrationName(other)), 1),
	} {
		s.put(t, RegistrationName(issuer), data)
		if r, ok, err := v.Registration(t.Context(), issuer); ok || err != nil {
			t.Errorf("%s: got client %q, %v; want none", name, r.ClientID, err)
		}
	}
	s.put(t, "work", ours)
	wantMisplaced(t, s, "work")
}

func fields(t *testing.T, data []byte) map[string]any {
	t.Helper()
	var f map[string]any
	if err := json.Unmarshal(data, &f); err != nil {
		t.Fatal(err)
	}
	return f
}

func TestOldRecordsAreRewritten(t *testing.T) {
	name := RegistrationName(issuer)
	for _, tt := range []struct {
		record, at string
		read       func(v *Vault) error
	}{
		{old, "work", func(v *Vault) error {
			c, err := v.Load(t.Context(), "work")
			if c.RefreshToken.Reveal() != "planted" {
				t.Error("load: got another credential than the old one")
			}
			return err
		}},
		{oldRegistration, name, func(v *Vault) error {
			r, ok, err := v.Registration(t.Context(), issuer)
			if !ok || r.ClientID != "cl-1" {
				t.Errorf("registration: got %t, want the old one", ok)
			}
			return err
		}},
	} {
		t.Run(tt.at, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &faultyStore{}
				v := New(s)
				stop := running(t, v)
				s.put(t, tt.at, []byte(tt.record))
				if err := tt.read(v); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				want := fields(t, []byte(tt.record))
				want["name"] = tt.at
				if got := fields(t, s.bytesOf(t, tt.at)); !reflect.DeepEqual(got, want) {
					t.Errorf("got a record with %d fields, want the old one and its name", len(got))
				}
				if err := tt.read(v); err != nil || len(v.namelessNames()) != 0 {
					t.Errorf("got %v, to be rewritten %q; want nothing more to do", err, v.namelessNames())
				}
				time.Sleep(time.Hour)
				if got := len(s.tries()); got != 1 {
					t.Errorf("got %d writes, want 1", got)
				}
				s.put(t, "another", s.bytesOf(t, tt.at))
				wantMisplaced(t, s, "another")
				if err := stop(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func TestRewritingWaitsForTheRecordsLock(t *testing.T) {
	for _, tt := range []struct {
		name   string
		inside func(v *Vault) error
		puts   int
		want   string
	}{
		{"nothing is saved", func(*Vault) error { return nil }, 1, "planted"},
		{"a rotation is saved", func(v *Vault) error { return v.Rotate(t.Context(), "work", credential("new")) }, 1, "new"},
		{"it is deleted", func(v *Vault) error { return v.Delete(t.Context(), "work") }, 0, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &faultyStore{}
				v := New(s)
				stop := running(t, v)
				s.put(t, "work", []byte(old))
				unlock, err := v.Lock(t.Context(), "work")
				if err != nil {
					t.Fatal(err)
				}
				if _, err := v.Load(t.Context(), "work"); err != nil {
					t.Fatal(err)
				}
				time.Sleep(10 * time.Minute)
				if got := len(s.tries()); got != 0 {
					t.Fatalf("got %d writes while the record was locked, want none", got)
				}
				if err := tt.inside(v); err != nil {
					t.Fatal(err)
				}
				if got := len(v.namelessNames()); got != 1-len(s.tries()) && tt.puts == 1 || got != 0 && tt.puts == 0 {
					t.Errorf("got %d records to rewrite after %d writes", got, len(s.tries()))
				}
				unlock()
				time.Sleep(lastRetry)
				synctest.Wait()
				if got := len(s.tries()); got != tt.puts || s.saved(t, "work") != tt.want {
					t.Errorf("got %d writes, want %d and the newest credential", got, tt.puts)
				}
				if tt.puts > 0 && !strings.Contains(string(s.bytesOf(t, "work")), `"name":"work"`) {
					t.Error("got a record without its name")
				}
				if err := stop(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// What cannot be rewritten is read all the same, and is tried again the next time it is read, not before.
func TestRewritingFails(t *testing.T) {
	for _, op := range []string{"get", "put"} {
		t.Run(op, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &faultyStore{}
				v := New(s)
				s.put(t, "work", []byte(old))
				if _, err := v.Load(t.Context(), "work"); err != nil {
					t.Fatal(err)
				}
				s.set(op, errFault)
				stop := running(t, v)
				time.Sleep(time.Hour)
				if got := len(s.tries()); got > 1 {
					t.Errorf("got %d writes, want at most 1", got)
				}
				s.set(op, nil)
				time.Sleep(time.Hour)
				if string(s.bytesOf(t, "work")) != old {
					t.Error("the record was written again although nobody read it")
				}
				if _, err := v.Load(t.Context(), "work"); err != nil || v.Degraded("work") {
					t.Errorf("got %v, degraded %t; want the old record", err, v.Degraded("work"))
				}
				synctest.Wait()
				if _, named, err := decode("work", s.bytesOf(t, "work")); !named || err != nil {
					t.Errorf("got named %t, %v; want it rewritten after it was read again", named, err)
				}
				if err := stop(); err != nil {
					t.Errorf("got %v, want nil: nothing is lost", err)
				}
			})
		})
	}
}

// Nothing is rewritten while the gate is shut, and a rewriting under way holds the store open.
func TestRewritingAndTheGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &doorStore{open: true}
		v := New(s)
		s.put(t, "work", []byte(old))
		if _, err := v.Load(t.Context(), "work"); err != nil {
			t.Fatal(err)
		}
		v.Gate().Shut()
		mustOpenDoor := func() { s.mu.Lock(); s.open = true; s.mu.Unlock() }
		mustOpenDoor() // so that a Put would succeed
		stop := running(t, v)
		time.Sleep(time.Hour)
		if len(s.tries()) != 0 {
			t.Error("a record was rewritten while the gate was shut")
		}
		mustOpen(t, v.Gate(), "hunter2", true)
		if _, err := v.Load(t.Context(), "work"); err != nil {
			t.Fatal(err)
		}
		s.while("put", false, func() {
			v.Gate().Shut()
			wantGate(t, v.Gate(), s, true, false)
		})
		synctest.Wait()
		wantGate(t, v.Gate(), s, true, true)
		if _, named, err := decode("work", s.bytesOf(t, "work")); !named || err != nil {
			t.Errorf("got named %t, %v; want the record rewritten", named, err)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// A store that hangs while a record is rewritten holds up the record's lock for a bounded time.
func TestRewritingEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &hungStore{}
		v := New(s)
		s.put(t, "work", []byte(old))
		if _, err := v.Load(t.Context(), "work"); err != nil {
			t.Fatal(err)
		}
		stop := running(t, v)
		time.Sleep(time.Second)
		synctest.Wait()
		began := time.Now()
		unlock, err := v.Lock(t.Context(), "work")
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took != 5*time.Second {
			t.Errorf("got the record locked for %v, want 5 s", took)
		}
		unlock()
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// What has a name, or is no record that belongs there, is not rewritten.
func TestOnlyNamelessRecordsAreRewritten(t *testing.T) {
	for name, text := range map[string]string{
		"not JSON":        "hunter2",
		"cut off":         old[:40],
		"null":            "null",
		"another version": `{"v":2,"logged_in_at":"2026-01-02T03:04:05Z"}`,
		"no version":      `{"logged_in_at":"2026-01-02T03:04:05Z"}`,
		"its own name":    `{"v":1,"name":"work"}`,
		"another's name":  `{"v":1,"name":"home"}`,
	} {
		s := &faultyStore{}
		s.put(t, "work", []byte(text))
		New(s).addName(t.Context(), "work")
		if got := string(s.bytesOf(t, "work")); got != text || len(s.tries()) != 0 {
			t.Errorf("%s: got %d writes, want the record left as it is", name, len(s.tries()))
		}
	}
	s := &faultyStore{}
	New(s).addName(t.Context(), "work")
	if len(s.tries()) != 0 {
		t.Error("nothing: got a record written, want none")
	}
}

func FuzzWithName(f *testing.F) {
	f.Add([]byte(old))
	f.Add([]byte(oldRegistration))
	f.Add([]byte(`{"v":1,"name":"other"}`))
	f.Add([]byte(`{"v":1,"v":2}`))
	f.Add([]byte(`{"v":1,"NAME":"work"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		before, named, err := decode("work", data)
		again, ok := withName("work", data)
		if ok && named {
			t.Fatal("a record that has its name was given one")
		}
		if !ok || err != nil {
			return
		}
		after, named, err := decode("work", again)
		if err != nil || !named || !after.RefreshToken.Equal(before.RefreshToken) || after.Generation != before.Generation ||
			!after.LoggedInAt.Equal(before.LoggedInAt) || after.ClientID != before.ClientID {
			t.Errorf("got named %t, %v, or another credential than before", named, err)
		}
		if _, _, err := decode("home", again); !errors.Is(err, ErrMisplaced) {
			t.Errorf("under another name: got %v, want ErrMisplaced", err)
		}
	})
}
