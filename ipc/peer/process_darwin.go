package peer

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Process is one that lives, or has lived when it was opened. It stays the same one if its pid is given to another.
type Process struct {
	queue int // a kqueue that reports its end
	// Start is when it began, so that it is known again after a restart of the daemon.
	Start string
}

// OpenProcess returns the process with that pid. The error is [ErrGone] if there is none.
func OpenProcess(pid int) (*Process, error) {
	queue, err := unix.Kqueue()
	if err != nil {
		return nil, os.NewSyscallError("kqueue", err)
	}
	unix.CloseOnExec(queue)
	watch := unix.Kevent_t{Ident: uint64(pid), Filter: unix.EVFILT_PROC, Flags: unix.EV_ADD, Fflags: unix.NOTE_EXIT}
	_, err = unix.Kevent(queue, []unix.Kevent_t{watch}, nil, nil)
	if errors.Is(err, unix.ESRCH) {
		_ = unix.Close(queue)
		return nil, ErrGone
	}
	if err != nil {
		_ = unix.Close(queue)
		return nil, os.NewSyscallError("kevent", err)
	}
	info, err := unix.SysctlKinfoProc("kern.proc.pid", pid)
	if err != nil {
		_ = unix.Close(queue)
		return nil, ErrGone
	}
	began := info.Proc.P_starttime
	return &Process{queue, fmt.Sprintf("%d.%06d", began.Sec, began.Usec)}, nil
}

// Wait returns true when the process has ended, false when ctx has.
func (p *Process) Wait(ctx context.Context) bool {
	look := unix.NsecToTimespec(int64(time.Second))
	for ctx.Err() == nil {
		n, err := unix.Kevent(p.queue, nil, make([]unix.Kevent_t, 1), &look)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return false
		}
		if n > 0 {
			return true
		}
	}
	return false
}

// Close forgets the process.
func (p *Process) Close() { _ = unix.Close(p.queue) }
