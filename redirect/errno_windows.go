package redirect

import (
	"errors"

	"golang.org/x/sys/windows"
)

// isPortTaken reports whether err of a listen means that somebody else has the port, or that Windows has reserved it.
func isPortTaken(err error) bool {
	return errors.Is(err, windows.WSAEADDRINUSE) || errors.Is(err, windows.WSAEACCES)
}

// isFamilyMissing reports whether err of a listen means that the machine has no such address.
func isFamilyMissing(err error) bool {
	return errors.Is(err, windows.WSAEADDRNOTAVAIL) || errors.Is(err, windows.WSAEAFNOSUPPORT) ||
		errors.Is(err, windows.WSAEPROTONOSUPPORT)
}
