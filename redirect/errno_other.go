//go:build !windows

package redirect

import (
	"errors"
	"syscall"
)

// isPortTaken reports whether err of a listen means that somebody else has the port, or that it is not for us.
func isPortTaken(err error) bool {
	return errors.Is(err, syscall.EADDRINUSE) || errors.Is(err, syscall.EACCES)
}

// isFamilyMissing reports whether err of a listen means that the machine has no such address.
func isFamilyMissing(err error) bool {
	return errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.EAFNOSUPPORT) ||
		errors.Is(err, syscall.EPROTONOSUPPORT)
}
