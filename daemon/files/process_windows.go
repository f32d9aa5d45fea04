package files

import (
	"context"
	"fmt"
	"os"

	"golang.org/x/sys/windows"
)

// process is one that lives, or has lived when it was opened. It stays the same one if its pid is given to another.
type process struct {
	handle windows.Handle
	// start is when it began, so that it is known again after a restart of the daemon.
	start string
}

// openProcess returns the process with that pid. The error is [errGone] if there is none.
func openProcess(pid int) (*process, error) {
	const rights = windows.SYNCHRONIZE | windows.PROCESS_QUERY_LIMITED_INFORMATION
	handle, err := windows.OpenProcess(rights, false, uint32(max(pid, 0)))
	if err == windows.ERROR_INVALID_PARAMETER {
		return nil, errGone
	}
	if err != nil {
		return nil, os.NewSyscallError("OpenProcess", err)
	}
	var began, ended, kernel, user windows.Filetime
	if err := windows.GetProcessTimes(handle, &began, &ended, &kernel, &user); err != nil {
		_ = windows.CloseHandle(handle)
		return nil, os.NewSyscallError("GetProcessTimes", err)
	}
	return &process{handle, fmt.Sprint(began.Nanoseconds())}, nil
}

// wait returns true when the process has ended, false when ctx has.
func (p *process) wait(ctx context.Context) bool {
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

// close forgets the process.
func (p *process) close() { _ = windows.CloseHandle(p.handle) }
