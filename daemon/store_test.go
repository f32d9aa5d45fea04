package daemon

import (
	"context"
	"errors"
	"sync"
	"testing"

	"oauthd/daemon/account"
	"oauthd/daemon/vault"
	"oauthd/keystore"
)

// scriptedStore is a memory store in front of which a test may stand.
type scriptedStore struct {
	keystore.Memory

	mu sync.Mutex // guards the fields below
	// before and after run around each operation ("get", "put", "delete") on a name; an error is the operation's.
	before, after func(ctx context.Context, op, name string) error
	count         map[string]int
}

// script sets what runs before each operation; nil lets all through.
func (s *scriptedStore) script(before func(ctx context.Context, op, name string) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.before = before
}

// failing makes the operations op of the accounts' records fail with err.
func (s *scriptedStore) failing(op string, err error) {
	s.script(func(_ context.Context, o, name string) error {
		if o == op && name != ".probe" {
			return err
		}
		return nil
	})
}

// times returns how often op ran on an account's record.
func (s *scriptedStore) times(op string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count[op]
}

func (s *scriptedStore) around(ctx context.Context, op, name string, do func() error) error {
	s.mu.Lock()
	before, after := s.before, s.after
	if s.count == nil {
		s.count = map[string]int{}
	}
	if name != ".probe" {
		s.count[op]++
	}
	s.mu.Unlock()
	if before != nil {
		if err := before(ctx, op, name); err != nil {
			return err
		}
	}
	if err := do(); err != nil || after == nil {
		return err
	}
	return after(ctx, op, name)
}

func (s *scriptedStore) Get(ctx context.Context, name string) (data []byte, err error) {
	err = s.around(ctx, "get", name, func() error { data, err = s.Memory.Get(ctx, name); return err })
	if err != nil {
		return nil, err
	}
	return data, nil
}

func (s *scriptedStore) Put(ctx context.Context, name string, data []byte) error {
	return s.around(ctx, "put", name, func() error { return s.Memory.Put(ctx, name, data) })
}

func (s *scriptedStore) Delete(ctx context.Context, name string) error {
	return s.around(ctx, "delete", name, func() error { return s.Memory.Delete(ctx, name) })
}

// raw returns the record of name as it rests, "" if there is none.
func (s *scriptedStore) raw(t testing.TB, name string) string {
	t.Helper()
	data, err := s.Memory.Get(context.Background(), name)
	if err != nil && !errors.Is(err, keystore.ErrNotFound) {
		t.Fatal(err)
	}
	return string(data)
}

// credential returns what rests under name; the zero Credential if there is none.
func (s *scriptedStore) credential(t testing.TB, name string) account.Credential {
	t.Helper()
	c, err := vault.New(&s.Memory).Load(context.Background(), name)
	if err != nil && !errors.Is(err, vault.ErrNoCredential) {
		t.Fatal(err)
	}
	return c
}

// save puts c under name.
func (s *scriptedStore) save(t testing.TB, name string, c account.Credential) {
	t.Helper()
	if err := vault.New(&s.Memory).Save(context.Background(), name, c); err != nil {
		t.Fatal(err)
	}
}
