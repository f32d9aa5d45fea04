//go:build unix

package storetest

import (
	"syscall"
	"testing"
)

// Stop makes the keyring stand still; it stays on the bus and answers nothing.
func (s *SecretService) Stop(t testing.TB) { s.signal(t, syscall.SIGSTOP) }

// Continue lets the keyring go on after Stop.
func (s *SecretService) Continue(t testing.TB) { s.signal(t, syscall.SIGCONT) }

func (s *SecretService) signal(t testing.TB, signal syscall.Signal) {
	t.Helper()
	if err := s.process.Signal(signal); err != nil {
		t.Fatalf("signal the keyring: %v", err)
	}
}
