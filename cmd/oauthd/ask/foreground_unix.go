//go:build unix

package ask

import (
	"os"

	"golang.org/x/sys/unix"
)

// inForeground reports whether a read from terminal would not stop this process, as it stops a job in the background.
func inForeground(terminal *os.File) bool {
	group, err := unix.IoctlGetInt(int(terminal.Fd()), unix.TIOCGPGRP)
	return err != nil || group == unix.Getpgrp()
}
