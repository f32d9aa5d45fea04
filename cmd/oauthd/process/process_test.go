package process

import (
	"os"
	"testing"
)

func TestOwnProcess(t *testing.T) {
	for pid, want := range map[int]bool{os.Getpid(): true, 0: false, -1: false, 1<<31 - 1: false} {
		if got := Own(pid); got != want {
			t.Errorf("pid %d: got %v, want %v", pid, got, want)
		}
	}
	if os.Getuid() != 0 && Own(1) {
		t.Error("the first process is taken for ours")
	}
}
