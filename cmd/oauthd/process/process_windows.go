package process

import (
	"os"
	"os/exec"
	"strings"
	"syscall"

	"golang.org/x/sys/windows"
)

// KillCommand is what a person types to end a process, before its pid.
const KillCommand = "taskkill /F /PID"

// WhoHolds continues a hint by how to learn which process has a file open, for which Windows brings no program.
func WhoHolds(string) string { return "" }

// OwnSession gives a child a console of its own that does not show: Ctrl-C in ours and its end do not reach the child, and
// no window opens for a program that the child starts, as it would if the child had no console.
func OwnSession() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{CreationFlags: windows.CREATE_NEW_PROCESS_GROUP | windows.CREATE_NO_WINDOW}
}

// RootDir is the working directory of a daemon, which keeps no drive and no directory of the person's in use.
func RootDir() string { return os.Getenv("SystemRoot") }

// HandOver has cmd inherit file, and returns the number under which it finds it.
func HandOver(cmd *exec.Cmd, file *os.File) (fd uintptr, err error) {
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

// Harden has nothing to do: new files are private to the user's profile, and no core is written.
func Harden() {}

// StartAnew has nothing to do: Windows cannot replace the program of a process.
func StartAnew(_ string, _, _ []string) {}

// CloseOnExec has nothing to do: handles are handed on one by one.
func CloseOnExec() (undo func()) { return func() {} }

// Own reports whether pid is a process that we may look at.
func Own(pid int) bool {
	h, err := windows.OpenProcess(windows.PROCESS_QUERY_INFORMATION, false, uint32(max(pid, 0)))
	if err != nil {
		return false
	}
	_ = windows.CloseHandle(h)
	return pid > 0
}
