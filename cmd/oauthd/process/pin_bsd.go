//go:build unix && !linux

package process

// pin has nothing to do: macOS encrypts its swap space, and elsewhere locking later memory cannot be left to the kernel.
func pin() {}
