//go:build unix && !linux

package process

import "golang.org/x/sys/unix"

// Own reports whether pid is a process that we may send signals to.
func Own(pid int) bool { return pid > 0 && unix.Kill(pid, 0) == nil }
