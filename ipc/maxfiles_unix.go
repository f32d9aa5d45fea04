//go:build unix

package ipc

import (
	"math"
	"syscall"
)

// maxFiles returns how many file descriptors this process may have; 0 if that is not known.
func maxFiles() int {
	var r syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r); err != nil {
		return 0
	}
	return int(min(uint64(r.Cur), math.MaxInt32))
}
