//go:build !windows

package keystore_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"oauthd/keystore"
)

// What a killed process has begun may still write: the next one reads nothing before that has ended.
func TestKeychainWaitsForOrphan(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"began", "end"} {
		if err := syscall.Mkfifo(filepath.Join(dir, name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	holder := exec.Command(os.Args[0], holderVerb, dir)
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.ReadFile(filepath.Join(dir, "began")); err != nil {
		t.Fatal(err)
	}
	_ = holder.Process.Kill()
	_ = holder.Wait()

	next := func(timeout time.Duration) *keystore.Keychain {
		return keystore.NewKeychain(keystore.KeychainConfig{
			Service: "oauthd", Lock: filepath.Join(dir, "lock"), Timeout: timeout, Env: []string{noBusEnv},
			Command: []string{"/bin/echo", "{}"},
		})
	}
	impatient := next(50 * time.Millisecond)
	_, err := impatient.Get(t.Context(), "work")
	wantError(t, "while the other's child lives", err, keystore.ErrNoAnswer, "another process")

	patient := next(30 * time.Second)
	var calls sync.WaitGroup
	for range 2 { // one that takes the lock, and one that waits for it in this process
		calls.Go(func() {
			if _, err := patient.Get(t.Context(), "work"); err != nil {
				t.Errorf("when it has ended: got %v, want nil", err)
			}
		})
	}
	end, err := os.OpenFile(filepath.Join(dir, "end"), os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_ = end.Close()
	calls.Wait()
	if _, err := impatient.Get(t.Context(), "work"); err == nil {
		t.Error("while another process has the keychain: got nil, want an error")
	}
	runtime.KeepAlive(patient) // which has the lock for as long as its file is open
}

// No child is started for a name that no record can have.
func TestKeychainRefusesANameItself(t *testing.T) {
	k := keystore.NewKeychain(keystore.KeychainConfig{
		Service: "oauthd", Env: []string{noBusEnv}, Command: []string{"/bin/echo", "{}"},
	})
	if _, err := k.Get(t.Context(), "work/0.0"); err == nil || errors.Is(err, keystore.ErrUnavailable) {
		t.Errorf("got %v, want the name refused", err)
	}
}

func TestKeychainLockCannotBeMade(t *testing.T) {
	k := keystore.NewKeychain(keystore.KeychainConfig{
		Service: "oauthd", Lock: filepath.Join(t.TempDir(), "none", "lock"), Env: []string{noBusEnv},
		Command: []string{"/bin/echo", "{}"},
	})
	_, err := k.Get(t.Context(), "work")
	wantError(t, "no directory", err, keystore.ErrUnavailable, "lock")
}

// TestKeychainLockIsNoLink plants a link in the lock's place: what it leads to is not locked.
func TestKeychainLockIsNoLink(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink(filepath.Join(dir, "new"), filepath.Join(dir, "lock")); err != nil {
		t.Fatal(err)
	}
	k := keystore.NewKeychain(keystore.KeychainConfig{
		Service: "oauthd", Lock: filepath.Join(dir, "lock"), Env: []string{noBusEnv}, Command: []string{"/bin/echo", "{}"},
	})
	_, err := k.Get(t.Context(), "work")
	wantError(t, "a link", err, keystore.ErrUnavailable, "is a symbolic link")
	if _, err := os.Lstat(filepath.Join(dir, "new")); err == nil {
		t.Error("the link was followed")
	}
}
