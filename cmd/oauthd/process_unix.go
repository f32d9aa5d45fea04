//go:build unix

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// killCommand is what a person types to end a process, before its pid.
const killCommand = "kill"

// whoHolds continues a hint by how to learn which process has a file open.
func whoHolds(path string) string { return "; fuser -v " + path + " names it" }

// ownSession detaches a child from our terminal.
func ownSession() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }

// runtimeDir is the directory of what belongs to the socket: where it is.
func runtimeDir(socket string) string { return filepath.Dir(socket) }

// socketIn returns a socket of which dir is the [runtimeDir].
func socketIn(dir string) string { return filepath.Join(dir, "oauthd.sock") }

// rootDir is the working directory of a daemon, which keeps no file system in use.
func rootDir() string { return "/" }

// handOver has cmd inherit file, and returns the number under which it finds it.
func handOver(cmd *exec.Cmd, file *os.File) (fd uintptr, err error) {
	cmd.ExtraFiles = append(cmd.ExtraFiles, file)
	return uintptr(2 + len(cmd.ExtraFiles)), nil
}

// neededHere are further variables without which programs do not work on this system.
var neededHere map[string]bool

// comparedName returns a variable's name as it is compared.
func comparedName(name string) string { return name }

// hardenProcess keeps what this process holds from other users' eyes: new files are private and no core is written.
func hardenProcess() {
	unix.Umask(0o077)
	_ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{})
	forbidDump()
}

// startAnew has the process run path from its start; it returns if that fails.
func startAnew(path string, argv, environ []string) { _ = syscall.Exec(path, argv, environ) }

// closeOnExec keeps descriptors that we inherited from our parent from being handed on to a child, until undo is called:
// exec hands them on to the program that it becomes.
func closeOnExec() (undo func()) {
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
