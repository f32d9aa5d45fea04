package keystore_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"oauthd/keystore"
)

// openBelow returns the paths below dir that this process has open.
func openBelow(t *testing.T, dir string) []string {
	t.Helper()
	links, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, link := range links {
		if path, err := os.Readlink(link); err == nil && strings.HasPrefix(path, dir) {
			paths = append(paths, path)
		}
	}
	return paths
}

// A store in use for months holds no file open, whatever was asked of it and whatever failed.
func TestFileHoldsNothingOpen(t *testing.T) {
	dir := t.TempDir()
	for range 2 { // one that makes the store, and one that finds it
		f := openFile(t, dir)
		// An opening has the garbage collector close what was left open before it.
		if err := f.Open(t.Context(), "hunter3"); err == nil {
			t.Error("another passphrase: got nil, want an error")
		}
		f.Needs()
		if err := f.Put(t.Context(), "work", []byte("kept")); err != nil {
			t.Fatal(err)
		}
		wantKept(t, f, "work", "kept")
		interrupted(t, f, dir, "work")
		wantKept(t, f, "work", "new")
		if _, err := f.Names(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := f.Delete(t.Context(), "work"); err != nil {
			t.Fatal(err)
		}
		if got := openBelow(t, dir); got != nil {
			t.Errorf("got %q open, want nothing", got)
		}
	}
}

// The keychain's lock is the one file that stays open, and only in the process that has it.
func TestKeychainHoldsTheLockOpen(t *testing.T) {
	dir := t.TempDir()
	keychain := func(timeout time.Duration) *keystore.Keychain {
		return keystore.NewKeychain(keystore.KeychainConfig{
			Service: "oauthd", Lock: filepath.Join(dir, "lock"), Timeout: timeout, Env: []string{noBusEnv},
			// Every child, and not the first alone, holds the lock as its descriptor 3.
			Command: []string{"/bin/sh", "-c", "[ -e /proc/self/fd/3 ] && echo {}"},
		})
	}
	k := keychain(30 * time.Second)
	for range 2 {
		if _, err := k.Get(t.Context(), "work"); err != nil {
			t.Errorf("got %v, want an answer from a child that holds the lock", err)
		}
	}
	_, err := keychain(50*time.Millisecond).Get(t.Context(), "work")
	wantError(t, "another one", err, keystore.ErrNoAnswer, "another process")
	if got := openBelow(t, dir); len(got) != 1 {
		t.Errorf("got %q open, want the lock once", got)
	}
}
