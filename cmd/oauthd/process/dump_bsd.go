//go:build unix && !linux && !darwin

package process

// forbidDump has nothing to do where the core limit is all there is.
func forbidDump() {}
