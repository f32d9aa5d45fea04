package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"oauthd/ipc/api"

	"golang.org/x/sys/windows"
)

// killCommand is what a person types to end a process, before its pid.
const killCommand = "taskkill /F /PID"

// whoHolds continues a hint by how to learn which process has a file open, for which Windows brings no program.
func whoHolds(string) string { return "" }

// ownSession gives a child a console of its own that does not show: Ctrl-C in ours and its end do not reach the child, and
// no window opens for a program that the child starts, as it would if the child had no console.
func ownSession() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{CreationFlags: windows.CREATE_NEW_PROCESS_GROUP | windows.CREATE_NO_WINDOW}
}

// runtimeDir is the directory of what belongs to the socket. A pipe is in none, so it is one of its name among temporary
// files, which are the person's own.
func runtimeDir(socket string) string { return filepath.Join(os.TempDir(), filepath.Base(socket)) }

// socketIn returns a socket of which dir, a directory among temporary files, is the [runtimeDir].
func socketIn(dir string) string { return api.PipeRoot + filepath.Base(dir) }

// rootDir is the working directory of a daemon, which keeps no drive and no directory of the person's in use.
func rootDir() string { return os.Getenv("SystemRoot") }

// handOver has cmd inherit file, and returns the number under which it finds it.
func handOver(cmd *exec.Cmd, file *os.File) (fd uintptr, err error) {
	fd = file.Fd()
	if err := windows.SetHandleInformation(windows.Handle(fd), windows.HANDLE_FLAG_INHERIT, windows.HANDLE_FLAG_INHERIT); err != nil {
		return 0, err
	}
	cmd.SysProcAttr.AdditionalInheritedHandles = append(cmd.SysProcAttr.AdditionalInheritedHandles, syscall.Handle(fd))
	return fd, nil
}

// neededHere are the variables without which programs do not work on Windows, as comparedName returns them.
var neededHere = map[string]bool{
	"SYSTEMROOT": true, "SYSTEMDRIVE": true, "WINDIR": true, "COMSPEC": true, "PATHEXT": true, "TEMP": true, "TMP": true,
	"USERNAME": true, "USERPROFILE": true, "APPDATA": true, "LOCALAPPDATA": true, "PROGRAMDATA": true,
}

// comparedName returns a variable's name as it is compared: Windows does not distinguish Path and PATH.
func comparedName(name string) string { return strings.ToUpper(name) }

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
