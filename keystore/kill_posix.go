//go:build !windows

package keystore

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
)

// killGroup makes cmd the leader of a process group and its cancellation the end of all of it: on macOS the program
// that waits for the prompt is the child's child.
func killGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error {
		err := syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		if errors.Is(err, syscall.ESRCH) {
			return os.ErrProcessDone
		}
		return err
	}
}
