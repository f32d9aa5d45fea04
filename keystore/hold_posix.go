//go:build !windows

package keystore

import (
	"errors"
	"os"
	"os/exec"

	"golang.org/x/sys/unix"
)

// tryLock locks file for as long as this process, or a child that keepOpen gave it to, has it open (flock(2)).
func tryLock(file *os.File) (locked bool, err error) {
	err = unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}

// keepOpen gives file to cmd, which only has it open.
func keepOpen(cmd *exec.Cmd, file *os.File) { cmd.ExtraFiles = []*os.File{file} }
