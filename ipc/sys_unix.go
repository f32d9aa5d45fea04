//go:build unix

package ipc

import (
	"math"
	"os"
	"syscall"
)

// owner returns the uid that owns a file.
func owner(fi os.FileInfo) (uid int, ok bool) {
	st, ok := fi.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return int(st.Uid), true
}

// maxFiles returns how many file descriptors this process may have; 0 means not known.
func maxFiles() int {
	var r syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r); err != nil {
		return 0
	}
	return int(min(uint64(r.Cur), math.MaxInt32))
}
