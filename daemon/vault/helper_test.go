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
	return s.Memory.Get(ctx, name)
}

func (s *faultyStore) Put(ctx context.Context, name string, data []byte) error {
	if err := s.fault("put"); err != nil {
		return err
	}
	return s.Memory.Put(ctx, name, data)
}

func (s *faultyStore) Delete(ctx context.Context, name string) error {
	if err := s.fault("delete"); err != nil {
		return err
	}
	return s.Memory.Delete(ctx, name)
}

// saved returns the refresh token in the store itself, "" if there is no record.
func (s *faultyStore) saved(t *testing.T, name string) string {
	t.Helper()
	data, err := s.Memory.Get(t.Context(), name)
	if err != nil {
		return ""
	}
	c, err := decode(data)
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
