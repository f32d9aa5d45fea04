//go:build !windows

package hook

import (
	"os/exec"
	"syscall"
)

// rootDir is where a command runs, so that it keeps no directory busy.
const rootDir = "/"

// ownGroup gives cmd a session of its own, and ends all that it started when its time is over.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
