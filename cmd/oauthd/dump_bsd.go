//go:build unix && !linux && !darwin

package main

// forbidDump has nothing to do where the core limit is all there is.
func forbidDump() {}
