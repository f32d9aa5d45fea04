//go:build !windows

package keystore

import (
	"os"
	"os/exec"

	"oauthd/ipc/own"
)

// tryLock locks file for as long as this process, or a child that keepOpen gave it to, has it open.
func tryLock(file *os.File) (locked bool, err error) { return own.TryLock(file) }

// keepOpen gives file to cmd, which only has it open.
func keepOpen(cmd *exec.Cmd, file *os.File) { cmd.ExtraFiles = []*os.File{file} }
