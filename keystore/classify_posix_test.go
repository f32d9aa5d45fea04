//go:build !windows

package keystore

import (
	"errors"
	"fmt"
	"os/exec"
	"testing"
)

// On macOS go-keyring runs security(1), which reports its reason by its exit status alone.
func TestClassifyExitStatus(t *testing.T) {
	for status, want := range map[int]error{36: ErrLocked, 51: ErrLocked, 37: ErrUnavailable, 1: ErrUnavailable} {
		err := exec.Command("/bin/sh", "-c", fmt.Sprintf("exit %d", status)).Run()
		if err == nil {
			t.Fatal("got nil, want an exit status")
		}
		got := classify(err)
		if !errors.Is(got, want) || errors.Is(got, ErrLocked) != (want == ErrLocked) {
			t.Errorf("exit status %d: got %v, want %v", status, got, want)
		}
	}
}
