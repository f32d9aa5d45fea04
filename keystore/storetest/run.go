// Package storetest is for tests of a [keystore.Store] and of programs that use one: a conformance suite, a session
// bus, a real keyring and a scripted one. A test starts them and they end with it. Nothing here touches a bus, keyring
// or home that it did not create.
package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"oauthd/keystore"
)

// Run checks that the stores that open returns fulfil the contract of [keystore.Store]. It calls open once per subtest,
// and open returns an empty store.
func Run(t *testing.T, open func(t *testing.T) keystore.Store) {
	t.Run("absent", func(t *testing.T) { absent(t, open(t)) })
	t.Run("values", func(t *testing.T) { values(t, open(t)) })
	t.Run("overwrite", func(t *testing.T) { overwrite(t, open(t)) })
	t.Run("copies", func(t *testing.T) { copies(t, open(t)) })
	t.Run("names", func(t *testing.T) { names(t, open(t)) })
	t.Run("refused names", func(t *testing.T) { refusedNames(t, open(t)) })
	t.Run("concurrent", func(t *testing.T) { concurrent(t, open(t)) })
	t.Run("cancelled", func(t *testing.T) { cancelled(t, open(t)) })
}

func absent(t *testing.T, s keystore.Store) {
	wantAbsent(t, s, "work")
	if err := s.Delete(t.Context(), "work"); err != nil {
		t.Errorf("Delete of an absent name: got %v, want nil", err)
	}
	put(t, s, "work", []byte("kept"))
	wantAbsent(t, s, "wor")
	wantAbsent(t, s, "work2")
	for range 2 {
		if err := s.Delete(t.Context(), "work"); err != nil {
			t.Errorf("Delete: got %v, want nil", err)
		}
		wantAbsent(t, s, "work")
	}
}

func values(t *testing.T, s keystore.Store) {
	tests := []struct {
		name string
		data []byte
	}{
		{"empty", []byte{}},
		{"nil", nil},
		{"one byte", []byte("x")},
		{"spaces around", []byte("  a  ")},
		{"JSON", []byte(`{"refresh_token":"1//0a'b\"c","email":"ada@example.com"}`)},
		{"UTF-8", []byte("zażółć gęślą jaźń")},
		{"invalid UTF-8", []byte{'a', 0xff, 0xfe, 0xc0, 0x80, 'b'}},
		{"all bytes", allBytes()},
		{"text of one item", text(2000)},
		{"text just over one item", text(2400)},
		{"20 kB of bytes", noise(20_000)},
	}
	for _, test := range tests {
		put(t, s, "work", test.data)
		if !wantData(t, s, "work", test.data) {
			t.Errorf("value %q was not kept", test.name)
		}
	}
}

func overwrite(t *testing.T, s keystore.Store) {
	put(t, s, "other", []byte("stays"))
	for _, size := range []int{10, 9000, 4000, 0} {
		data := noise(size)
		put(t, s, "work", data)
		wantData(t, s, "work", data)
	}
	if err := s.Delete(t.Context(), "work"); err != nil {
		t.Errorf("Delete: got %v, want nil", err)
	}
	wantAbsent(t, s, "work")
	wantData(t, s, "other", []byte("stays"))
}

func copies(t *testing.T, s keystore.Store) {
	data := []byte("before")
	put(t, s, "work", data)
	copy(data, "AFTER!")
	wantData(t, s, "work", []byte("before"))
	got, err := s.Get(t.Context(), "work")
	if err != nil {
		t.Fatalf("Get: got %v, want nil", err)
	}
	copy(got, "AFTER!")
	wantData(t, s, "work", []byte("before"))
}

func names(t *testing.T, s keystore.Store) {
	names := []string{
		"a", "z", "0", "9", "work", "ada@example.com", "a.b", "a_b", "a+b", "a-b", "..", "-s", "work.toml",
		strings.Repeat("n", 128),
	}
	for i := range 3 {
		names = append(names, fmt.Sprintf("account-%02d", i))
	}
	for _, name := range names {
		put(t, s, name, []byte("of "+name))
	}
	for _, name := range names {
		wantData(t, s, name, []byte("of "+name))
	}
}

func refusedNames(t *testing.T, s keystore.Store) {
	for _, name := range []string{"", "a:b", "a/b", "Work", "a b", "a\nb", "a\x00", "a'b", "é", strings.Repeat("n", 129)} {
		_, getErr := s.Get(t.Context(), name)
		errs := map[string]error{
			"Get": getErr, "Put": s.Put(t.Context(), name, nil), "Delete": s.Delete(t.Context(), name),
		}
		for op, err := range errs {
			if err == nil || errors.Is(err, keystore.ErrNotFound) {
				t.Errorf("%s(%q): got %v, want a refusal", op, name, err)
			}
		}
	}
}

func concurrent(t *testing.T, s keystore.Store) {
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() {
			name := fmt.Sprintf("account-%d", i)
			data := noise(700 * i)
			put(t, s, name, data)
			wantData(t, s, name, data)
			if err := s.Delete(t.Context(), name); err != nil {
				t.Errorf("Delete(%q): got %v, want nil", name, err)
			}
			wantAbsent(t, s, name)
		})
	}
	wg.Wait()
}

func cancelled(t *testing.T, s keystore.Store) {
	put(t, s, "work", []byte("before"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, getErr := s.Get(ctx, "work")
	errs := map[string]error{"Get": getErr, "Put": s.Put(ctx, "work", []byte("x")), "Delete": s.Delete(ctx, "work")}
	for op, err := range errs {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s with an ended context: got %v, want %v", op, err, context.Canceled)
		}
	}
	wantData(t, s, "work", []byte("before"))
}

func put(t *testing.T, s keystore.Store, name string, data []byte) {
	t.Helper()
	if err := s.Put(t.Context(), name, data); err != nil {
		t.Errorf("Put(%q, %d bytes): got %v, want nil", name, len(data), err)
	}
}

func wantData(t *testing.T, s keystore.Store, name string, want []byte) bool {
	t.Helper()
	got, err := s.Get(t.Context(), name)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("Get(%q): got %d bytes, equal %v, error %v, want %d bytes",
			name, len(got), bytes.Equal(got, want), err, len(want))
		return false
	}
	return true
}

func wantAbsent(t *testing.T, s keystore.Store, name string) {
	t.Helper()
	if _, err := s.Get(t.Context(), name); !errors.Is(err, keystore.ErrNotFound) {
		t.Errorf("Get(%q): got %v, want %v", name, err, keystore.ErrNotFound)
	}
}

func allBytes() []byte {
	data := make([]byte, 256)
	for i := range data {
		data[i] = byte(i)
	}
	return data
}

func text(size int) []byte { return bytes.Repeat([]byte("0123456789"), size/10) }

func noise(size int) []byte {
	r := rand.New(rand.NewPCG(1, uint64(size)))
	data := make([]byte, size)
	for i := range data {
		data[i] = byte(r.Uint32())
	}
	return data
}
