package keystore

import "fmt"

// Why a keychain is unavailable, if that is known; each is an [ErrUnavailable] too.
var (
	// ErrNoBus means that there is no session bus, or that nothing listens at its address.
	ErrNoBus = fmt.Errorf("%w: there is no session bus", ErrUnavailable)
	// ErrNoService means that no program on the session bus stores secrets.
	ErrNoService = fmt.Errorf("%w: no Secret Service runs on the session bus", ErrUnavailable)
	// ErrNoAnswer means that there was no answer in time: a prompt may be waiting, or the service or the bus hangs.
	ErrNoAnswer = fmt.Errorf("%w: no answer in time", ErrUnavailable)
	// ErrDismissed means that the keychain reported success and did nothing, as it does if its prompt is dismissed.
	ErrDismissed = fmt.Errorf("%w: it did not do what it was asked; a prompt may have been dismissed", ErrUnavailable)
)
