//go:build darwin || windows

package keystore

// SessionBus returns [ErrNoBus]: the keychain of this system is not on a bus.
func SessionBus([]string, int) (string, error) { return "", ErrNoBus }
