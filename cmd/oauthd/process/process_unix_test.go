//go:build unix

package process

import (
	"testing"

	"golang.org/x/sys/unix"
)

// A daemon that exec starts must not get what the program is to get, and the program must get it all the same.
func TestInheritedDescriptorsAreGivenBack(t *testing.T) {
	var pipe [2]int
	if err := unix.Pipe(pipe[:]); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pipe[0])
	defer unix.Close(pipe[1])
	unix.CloseOnExec(pipe[1])
	want := func(when string, flags ...int) {
		t.Helper()
		for i, fd := range pipe {
			if got, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil || got != flags[i] {
				t.Errorf("%s, end %d: got flags %d, %v, want %d", when, i, got, err, flags[i])
			}
		}
	}
	undo := CloseOnExec()
	want("meanwhile", unix.FD_CLOEXEC, unix.FD_CLOEXEC)
	undo()
	want("afterwards", 0, unix.FD_CLOEXEC)
}
