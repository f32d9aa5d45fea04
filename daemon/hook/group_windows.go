package hook

import (
	"os/exec"
	"syscall"
)

// rootDir is where a command runs: where the daemon does.
const rootDir = ""

// createNoWindow keeps a console program from opening one (CreateProcess, CREATE_NO_WINDOW).
const createNoWindow = 0x08000000

// ownGroup keeps the console's signals away from cmd.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP | createNoWindow}
}
