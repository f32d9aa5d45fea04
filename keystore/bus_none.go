//go:build darwin || windows

package keystore

// settleBus returns env as it is: the system's keychain needs no bus.
func settleBus(env []string, _ string, _ int) ([]string, error) { return env, nil }

// busErrorName returns "": there is no bus.
func busErrorName(error) string { return "" }
