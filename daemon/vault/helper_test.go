package vault

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"oauthd/daemon/account"
	"oauthd/keystore"
)

var errFault = errors.New("scripted fault")

// faultyStore is a memory store that fails when told to.
type faultyStore struct {
	keystore.Memory

	mu sync.Mutex // guards the fields below
	// fail holds the error of each operation ("get", "put", "delete"); nil lets it through.
	fail map[string]error
	puts []time.Time
	// during runs before an operation and after it, then with done; nil does nothing.
	during func(op string, done bool)
}

// while has do run once, before the next operation op or, if done is true, after it.
func (s *faultyStore) while(op string, done bool, do func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.during = func(o string, d bool) {
		if o != op || d != done {
			return
		}
		s.mu.Lock()
		s.during = nil
		s.mu.Unlock()
		do()
	}
}

func (s *faultyStore) hook(op string, done bool) {
	s.mu.Lock()
	during := s.during
	s.mu.Unlock()
	if during != nil {
		during(op, done)
	}
}

func (s *faultyStore) set(op string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail == nil {
		s.fail = map[string]error{}
	}
	s.fail[op] = err
}

func (s *faultyStore) fault(op string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if op == "put" {
		s.puts = append(s.puts, time.Now())
	}
	return s.fail[op]
}

// tries returns when Put was called.
func (s *faultyStore) tries() []time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.puts
}

func (s *faultyStore) Get(ctx context.Context, name string) ([]byte, error) {
	if err := s.fault("get"); err != nil {
		return nil, err
	}
	s.hook("get", false)
	defer s.hook("get", true)
	return s.Memory.Get(ctx, name)
}

func (s *faultyStore) Put(ctx context.Context, name string, data []byte) error {
	if err := s.fault("put"); err != nil {
		return err
	}
	s.hook("put", false)
	defer s.hook("put", true)
	return s.Memory.Put(ctx, name, data)
}

func (s *faultyStore) Delete(ctx context.Context, name string) error {
	if err := s.fault("delete"); err != nil {
		return err
	}
	s.hook("delete", false)
	defer s.hook("delete", true)
	return s.Memory.Delete(ctx, name)
}

// saved returns the refresh token in the store itself, "" if there is no record.
func (s *faultyStore) saved(t *testing.T, name string) string {
	t.Helper()
	data, err := s.Memory.Get(t.Context(), name)
	if err != nil {
		return ""
	}
	c, _, err := decode(name, data)
	if err != nil {
		t.Fatal(err)
	}
	return c.RefreshToken.Reveal()
}

func credential(refreshToken string) account.Credential {
	return account.Credential{
		Issuer:        "https://login.example.com",
		TokenEndpoint: "https://login.example.com/token",
		ClientID:      "app",
		AuthMethod:    "none",
		RefreshToken:  account.NewSecret(refreshToken),
		Scopes:        []string{"openid"},
		LoggedInAt:    time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
	}
}

// bytesOf returns the record in the store itself.
func (s *faultyStore) bytesOf(t *testing.T, name string) []byte {
	t.Helper()
	data, err := s.Memory.Get(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// put writes a record to the store itself, behind the vault's back.
func (s *faultyStore) put(t *testing.T, name string, data []byte) {
	t.Helper()
	if err := s.Memory.Put(t.Context(), name, data); err != nil {
		t.Fatal(err)
	}
}

// hungStore reads, and never answers a Put.
type hungStore struct{ faultyStore }

func (s *hungStore) Put(ctx context.Context, _ string, _ []byte) error {
	<-ctx.Done()
	return ctx.Err()
}
