//go:build !windows

package hook

import (
	"context"
	"os/exec"
	"syscall"
)

// command returns c in a session of its own, whose processes end together, and in a directory that it keeps from nobody.
func command(ctx context.Context, c Command) *exec.Cmd {
	argv := c.Argv
	if c.Line != "" {
		argv = []string{"/bin/sh", "-c", c.Line}
	}
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	return cmd
}
