package hook

import (
	"context"
	"os/exec"
	"syscall"
)

// command returns c without a window of its own. cmd.exe reads its line by rules of its own, so it gets it unquoted.
func command(ctx context.Context, c Command) *exec.Cmd {
	if c.Line != "" {
		cmd := exec.CommandContext(ctx, "cmd.exe")
		cmd.SysProcAttr = &syscall.SysProcAttr{CmdLine: `cmd.exe /d /s /c "` + c.Line + `"`, HideWindow: true}
		return cmd
	}
	cmd := exec.CommandContext(ctx, c.Argv[0], c.Argv[1:]...)
	cmd.SysProcAttr = &syscall.SysProcAttr{HideWindow: true}
	return cmd
}
