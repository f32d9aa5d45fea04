package main

import (
	"syscall"

	"golang.org/x/sys/windows"
)

// ownSession detaches a child from our console.
func ownSession() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{CreationFlags: windows.CREATE_NEW_PROCESS_GROUP | windows.DETACHED_PROCESS}
}

// hardenProcess has nothing to do: new files are private to the user's profile, and no core is written.
func hardenProcess() {}

// closeOnExec has nothing to do: handles are handed on one by one.
func closeOnExec() {}
