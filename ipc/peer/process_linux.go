package peer

import (
	"context"
	"errors"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// Process is one that lives, or has lived when it was opened. It stays the same one if its pid is given to another.
type Process struct {
	fd *os.File // a pidfd
	// Start is when it began, as the system counts it, so that it is known again after a restart of the daemon.
	Start string
}

// OpenProcess returns the process with that pid. The error is [ErrGone] if there is none.
func OpenProcess(pid int) (*Process, error) {
	fd, err := unix.PidfdOpen(pid, unix.PIDFD_NONBLOCK)
	if errors.Is(err, unix.ESRCH) || errors.Is(err, unix.EINVAL) && pid <= 0 {
		return nil, ErrGone
	}
	if err != nil {
		return nil, os.NewSyscallError("pidfd_open", err)
	}
	p := &Process{fd: os.NewFile(uintptr(fd), "pidfd")}
	if p.Start = startTime(pid); p.Start == "" || p.ended(uintptr(fd)) {
		_ = p.fd.Close()
		return nil, ErrGone
	}
	return p, nil
}

// startTime is when the process with that pid began; "" if there is none.
func startTime(pid int) string {
	h, err := openProcess(pid)
	if err != nil {
		return ""
	}
	defer h.close()
	s, ok := h.stat()
	if !ok {
		return ""
	}
	return strconv.FormatUint(s.start, 10)
}

// ended reports whether a pidfd's process has ended.
func (p *Process) ended(fd uintptr) bool {
	polled := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	n, err := unix.Poll(polled, 0)
	return err == nil && n == 1
}

// Wait returns true when the process has ended, false when ctx has.
func (p *Process) Wait(ctx context.Context) bool {
	raw, err := p.fd.SyscallConn()
	if err != nil {
		return false
	}
	defer context.AfterFunc(ctx, func() { _ = p.fd.Close() })()
	// The runtime waits with all that it waits for; no thread is spent on a process that runs for days.
	return raw.Read(p.ended) == nil
}

// Close forgets the process.
func (p *Process) Close() { _ = p.fd.Close() }
