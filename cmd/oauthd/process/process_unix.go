//go:build unix

// Package process is how this program runs: what it inherits and hands on, what others may see of it, and what it does with
// its memory while there is nothing to do.
package process

import (
	"os"
	"os/exec"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// KillCommand is what a person types to end a process, before its pid.
const KillCommand = "kill"

// WhoHolds continues a hint by how to learn which process has a file open.
func WhoHolds(path string) string { return "; fuser -v " + path + " names it" }

// OwnSession detaches a child from our terminal.
func OwnSession() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }

// RootDir is the working directory of a daemon, which keeps no file system in use.
func RootDir() string { return "/" }

// HandOver has cmd inherit file, and returns the number under which it finds it.
func HandOver(cmd *exec.Cmd, file *os.File) (fd uintptr, err error) {
	cmd.ExtraFiles = append(cmd.ExtraFiles, file)
	return uintptr(2 + len(cmd.ExtraFiles)), nil
}

// neededHere are further variables without which programs do not work on this system.
var neededHere map[string]bool

// comparedName returns a variable's name as it is compared.
func comparedName(name string) string { return name }

// Harden keeps what this process holds from other users' eyes: new files are private, no core is written, and memory stays
// out of the swap space where the system lets it.
func Harden() {
	unix.Umask(0o077)
	_ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{})
	forbidDump()
	pin()
}

// StartAnew has the process run path from its start; it returns if that fails.
func StartAnew(path string, argv, environ []string) { _ = syscall.Exec(path, argv, environ) }

// CloseOnExec keeps descriptors that we inherited from our parent from being handed on to a child, until undo is called:
// exec hands them on to the program that it becomes.
func CloseOnExec() (undo func()) {
	entries, err := os.ReadDir("/dev/fd")
	if err != nil {
		return func() {}
	}
	var changed []uintptr
	for _, entry := range entries {
		fd, err := strconv.Atoi(entry.Name())
		if err != nil || fd <= 2 {
			continue
		}
		if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil && flags&unix.FD_CLOEXEC == 0 {
			unix.CloseOnExec(fd)
			changed = append(changed, uintptr(fd))
		}
	}
	return func() {
		for _, fd := range changed {
			_, _ = unix.FcntlInt(fd, unix.F_SETFD, 0)
		}
	}
}
