//go:build !linux

package main

// dropFilePages leaves it to the system.
func dropFilePages() {}
