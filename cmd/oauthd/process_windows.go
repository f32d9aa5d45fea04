package main

import (
	"os"
	"syscall"

	"golang.org/x/sys/windows"
)

// ownSession detaches a child from our console.
func ownSession() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{CreationFlags: windows.CREATE_NEW_PROCESS_GROUP | windows.DETACHED_PROCESS}
}

// hardenProcess has nothing to do: new files are private to the user's profile, and no core is written.
func hardenProcess() {}

// startAnew has nothing to do: Windows cannot replace the program of a process.
func startAnew(_ string, _, _ []string) {}

// closeOnExec has nothing to do: handles are handed on one by one.
func closeOnExec() (undo func()) { return func() {} }

// ownProcess reports whether pid is a process that we may look at.
func ownProcess(pid int) bool {
	h, err := windows.OpenProcess(windows.PROCESS_QUERY_INFORMATION, false, uint32(max(pid, 0)))
	if err != nil {
		return false
	}
	_ = windows.CloseHandle(h)
	return pid > 0
}

// inForeground is true always: a console does not stop anybody.
func inForeground(*os.File) bool { return true }
