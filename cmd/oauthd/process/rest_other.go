//go:build !linux

package process

// dropFilePages leaves it to the system.
func dropFilePages() {}
