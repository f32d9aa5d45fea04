package peer

import (
	"context"
	"fmt"
	"os"

	"golang.org/x/sys/windows"
)

// Process is one that lives, or has lived when it was opened. It stays the same one if its pid is given to another.
type Process struct {
	handle windows.Handle
	// Start is when it began, so that it is known again after a restart of the daemon.
	Start string
}

// OpenProcess returns the process with that pid. The error is [ErrGone] if there is none.
func OpenProcess(pid int) (*Process, error) {
	const rights = windows.SYNCHRONIZE | windows.PROCESS_QUERY_LIMITED_INFORMATION
	handle, err := windows.OpenProcess(rights, false, uint32(max(pid, 0)))
	if err == windows.ERROR_INVALID_PARAMETER {
		return nil, ErrGone
	}
	if err != nil {
		return nil, os.NewSyscallError("OpenProcess", err)
	}
	var began, ended, kernel, user windows.Filetime
	if err := windows.GetProcessTimes(handle, &began, &ended, &kernel, &user); err != nil {
		_ = windows.CloseHandle(handle)
		return nil, os.NewSyscallError("GetProcessTimes", err)
	}
	return &Process{handle, fmt.Sprint(began.Nanoseconds())}, nil
}

// Wait returns true when the process has ended, false when ctx has.
func (p *Process) Wait(ctx context.Context) bool {
	const look = 1000 // milliseconds
	for ctx.Err() == nil {
		switch event, err := windows.WaitForSingleObject(p.handle, look); {
		case err != nil:
			return false
		case event == windows.WAIT_OBJECT_0:
			return true
		}
	}
	return false
}

// Close forgets the process.
func (p *Process) Close() { _ = windows.CloseHandle(p.handle) }
