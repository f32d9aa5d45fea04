//go:build unix && !linux

package main

import "golang.org/x/sys/unix"

// ownProcess reports whether pid is a process that we may send signals to.
func ownProcess(pid int) bool { return pid > 0 && unix.Kill(pid, 0) == nil }
