//go:build unix

package redirect

import (
	"math"
	"syscall"
)

// descriptors is how many files this process may open. Go has raised the limit as far as it goes.
func descriptors() int {
	var r syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r); err != nil {
		return math.MaxInt32
	}
	return int(min(uint64(r.Cur), math.MaxInt32))
}
