package vault

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"oauthd/daemon/account"
	"oauthd/keystore"
)

const issuer = "https://login.example.com"

func TestRegistrationRoundTrip(t *testing.T) {
	for _, tt := range []struct {
		name string
		want account.Registration
	}{
		{"public", account.Registration{Issuer: issuer, ClientID: "cl-1", RedirectURIs: []string{"http://127.0.0.1/callback"}, AuthMethod: "none"}},
		{"everything", account.Registration{
			Issuer: issuer, ClientID: "cl-2 \"x\"", RedirectURIs: []string{"http://127.0.0.1:1/a", "https://localhost:2/b"},
			AuthMethod: "client_secret_basic", ClientSecret: account.NewSecret("planted"),
			SecretExpiry: time.Date(2027, 1, 2, 3, 4, 5, 0, time.UTC),
			AccessToken:  account.NewSecret("planted too"), ClientURI: issuer + "/register/cl-2", DPoPBound: true,
			RefusedMetadata: "https://ada.example.com/client.json",
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := New(&faultyStore{})
			if _, ok, err := v.Registration(t.Context(), issuer); ok || err != nil {
				t.Fatalf("got %t, %v; want none yet", ok, err)
			}
			for range 2 { // the second replaces the first
				if err := v.SaveRegistration(t.Context(), tt.want); err != nil {
					t.Fatal(err)
				}
			}
			if text := string(v.store.(*faultyStore).bytesOf(t, RegistrationName(issuer))); strings.Contains(text, "0001") {
				t.Error("the record has a date that is not known")
			}
			got, ok, err := v.Registration(t.Context(), issuer)
			if err != nil || !ok || !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got %+v, %t, %v; want %+v", got, ok, err, tt.want)
			}
			if _, ok, err := v.Registration(t.Context(), issuer+"/"); ok || err != nil {
				t.Errorf("another issuer: got %t, %v; want none", ok, err)
			}
		})
	}
}

func TestRecordsDoNotMix(t *testing.T) {
	name := RegistrationName(issuer)
	if account.CheckName(name) == nil {
		t.Errorf("%q can be an account's name", name)
	}
	// The name is where every installation finds its registration: it never changes.
	if stored := ".registration.4b246bc1a12459de3b1003951d2219e7"; name != stored {
		t.Errorf("got %q, want %q", name, stored)
	}
	if other := RegistrationName(issuer + "/"); other == name || len(other) != len(name) || strings.ContainsAny(name, ":/") {
		t.Errorf("got %q and %q, want two names a keychain takes", name, other)
	}
	if n := len(RegistrationName("https://" + strings.Repeat("x", 4000))); n != len(name) {
		t.Errorf("got a name of %d bytes for a long issuer, want %d", n, len(name))
	}

	store := &faultyStore{}
	v := New(store)
	c := credential("rt")
	if err := v.Save(t.Context(), "work", c); err != nil {
		t.Fatal(err)
	}
	kept := account.Registration{Issuer: issuer, ClientID: "cl-1"}
	if err := v.SaveRegistration(t.Context(), kept); err != nil {
		t.Fatal(err)
	}
	if err := v.Delete(t.Context(), "work"); err != nil {
		t.Fatal(err)
	}
	if got, ok, err := v.Registration(t.Context(), issuer); !ok || err != nil || got.ClientID != "cl-1" {
		t.Errorf("got %t, %v; want the registration to outlive the account", ok, err)
	}
}

func TestUnreadableRegistration(t *testing.T) {
	for name, text := range map[string]string{
		"nothing":            "",
		"half":               `{"v":1,"iss":"https://login.exa`,
		"null":               "null",
		"list":               "[]",
		"of a later version": `{"v":99,"iss":"https://login.example.com","client_id":"x"}`,
		"of another issuer":  `{"v":1,"iss":"https://other.example.com","client_id":"x"}`,
		"without a client":   `{"v":1,"iss":"https://login.example.com"}`,
		"half of the shape":  `{"v":1,"iss":"https://login.example.com","client_id":"x","redirect_uris":5}`,
		"of another shape":   `{"v":1,"iss":"https://login.example.com","client_id":["x"]}`,
	} {
		t.Run(name, func(t *testing.T) {
			store := &faultyStore{}
			if err := store.Memory.Put(t.Context(), RegistrationName(issuer), []byte(text)); err != nil {
				t.Fatal(err)
			}
			v := New(store)
			if got, ok, err := v.Registration(t.Context(), issuer); ok || err != nil {
				t.Fatalf("got client %q, %v; want none, without an error", got.ClientID, err)
			}
			want := account.Registration{Issuer: issuer, ClientID: "cl-1"}
			if err := v.SaveRegistration(t.Context(), want); err != nil {
				t.Fatal(err)
			}
			if got, ok, err := v.Registration(t.Context(), issuer); !ok || err != nil || got.ClientID != "cl-1" {
				t.Errorf("got %t, %v; want it replaced", ok, err)
			}
		})
	}
}

func TestRegistrationAndAStoreThatFails(t *testing.T) {
	for _, tt := range []struct {
		fault error
		want  error // of reading; nil for none kept
	}{
		{keystore.ErrLocked, keystore.ErrLocked},
		{keystore.ErrUnavailable, keystore.ErrUnavailable},
		{keystore.ErrDamaged, nil},
		{keystore.ErrNotFound, nil},
	} {
		store := &faultyStore{}
		v := New(store)
		store.set("get", fmt.Errorf("x: %w", tt.fault))
		if _, ok, err := v.Registration(t.Context(), issuer); ok || !errors.Is(err, tt.want) || (tt.want == nil) != (err == nil) {
			t.Errorf("%v: got %t, %v; want %v", tt.fault, ok, err, tt.want)
		}
	}
	store := &faultyStore{}
	store.set("put", errFault)
	err := New(store).SaveRegistration(t.Context(), account.Registration{
		Issuer: issuer, ClientID: "cl-1", ClientSecret: account.NewSecret("planted"), AccessToken: account.NewSecret("planted"),
	})
	if !errors.Is(err, errFault) || !strings.Contains(err.Error(), issuer) || strings.Contains(err.Error(), "planted") {
		t.Errorf("got %v, want the fault and the issuer without a secret", err)
	}
}

func TestDeleteRegistration(t *testing.T) {
	s := &faultyStore{}
	v := New(s)
	if err := v.SaveRegistration(t.Context(), account.Registration{Issuer: issuer, ClientID: "cl-1"}); err != nil {
		t.Fatal(err)
	}
	s.set("delete", errFault)
	if err := v.DeleteRegistration(t.Context(), issuer); !errors.Is(err, errFault) || !strings.Contains(err.Error(), issuer) {
		t.Errorf("got %v, want the fault and the issuer", err)
	}
	s.set("delete", nil)
	for range 2 {
		if err := v.DeleteRegistration(t.Context(), issuer); err != nil {
			t.Errorf("got %v, want nil", err)
		}
		if _, ok, err := v.Registration(t.Context(), issuer); ok || err != nil {
			t.Errorf("got %t, %v; want none", ok, err)
		}
	}
}

// A registration is changed under its record's lock, or rewriting an old one could bring it back.
func TestRegistrationIsChangedUnderItsLock(t *testing.T) {
	for name, change := range map[string]func(v *Vault, ctx context.Context) error{
		"save": func(v *Vault, ctx context.Context) error {
			return v.SaveRegistration(ctx, account.Registration{Issuer: issuer, ClientID: "cl-2"})
		},
		"delete": func(v *Vault, ctx context.Context) error { return v.DeleteRegistration(ctx, issuer) },
	} {
		t.Run(name, func(t *testing.T) {
			s := &faultyStore{}
			v := New(s)
			s.put(t, RegistrationName(issuer), []byte(oldRegistration))
			unlock, err := v.Lock(t.Context(), RegistrationName(issuer))
			if err != nil {
				t.Fatal(err)
			}
			ended, cancel := context.WithCancel(t.Context())
			cancel()
			if err := change(v, ended); !errors.Is(err, context.Canceled) {
				t.Errorf("while it is locked: got %v, want a wait that ends with its context", err)
			}
			if string(s.bytesOf(t, RegistrationName(issuer))) != oldRegistration {
				t.Error("the registration was changed while it was locked")
			}
			unlock()
			for range 2 { // the lock is given back
				if err := change(v, t.Context()); err != nil {
					t.Errorf("got %v, want nil", err)
				}
			}
		})
	}
}

// A date that RFC 3339 cannot say is an error, not half a registration.
func TestRegistrationThatCannotBeWritten(t *testing.T) {
	s := &faultyStore{}
	r := account.Registration{Issuer: issuer, ClientID: "cl-1", SecretExpiry: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)}
	if err := New(s).SaveRegistration(t.Context(), r); err == nil || len(s.tries()) != 0 {
		t.Errorf("got %v and %d writes, want an error and none", err, len(s.tries()))
	}
	c := credential("rt")
	c.LoggedInAt = r.SecretExpiry
	if err := New(s).Save(t.Context(), "work", c); err == nil || len(s.tries()) != 0 {
		t.Errorf("a credential: got %v and %d writes, want an error and none", err, len(s.tries()))
	}
}

func FuzzRegistration(f *testing.F) {
	whole, err := json.Marshal(registration{header: header{Version: recordVersion}, Issuer: issuer, ClientID: "x", RedirectURIs: []string{"http://127.0.0.1/"}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add([]byte(`{"v":1,"iss":"https://login.example.com","client_id":"x","secret_expiry":"2027-01-02T03:04:05Z"}`))
	f.Add([]byte("{"))
	f.Fuzz(func(t *testing.T, data []byte) {
		store := &faultyStore{}
		if err := store.Memory.Put(t.Context(), RegistrationName(issuer), data); err != nil {
			t.Skip()
		}
		v := New(store)
		got, ok, err := v.Registration(t.Context(), issuer)
		if err != nil {
			t.Fatalf("got %v, want what cannot be read to count as none", err)
		}
		if !ok {
			return
		}
		if got.ClientID == "" || got.Issuer != issuer {
			t.Errorf("got client %q of %q", got.ClientID, got.Issuer)
		}
		if err := v.SaveRegistration(t.Context(), got); err != nil {
			t.Skip() // a year that RFC 3339 does not have
		}
		again, ok, err := v.Registration(t.Context(), issuer)
		if err != nil || !ok || !again.ClientSecret.Equal(got.ClientSecret) ||
			!again.SecretExpiry.Equal(got.SecretExpiry) || again.ClientID != got.ClientID {
			t.Errorf("got %t, %v, or another registration after saving it", ok, err)
		}
	})
}
