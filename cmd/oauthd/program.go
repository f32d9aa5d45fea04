package main

import (
	"os"
	"os/exec"
	"path/filepath"
)

// programPath returns the path of this program, by the name that it was called by if that leads here: package managers
// replace links, and remove what they led to.
func programPath() string {
	self, err := os.Executable()
	if err != nil {
		return ""
	}
	called, err := exec.LookPath(os.Args[0])
	if err != nil || !filepath.IsAbs(called) {
		return self
	}
	here, err := os.Stat(self)
	there, other := os.Stat(called)
	if err != nil || other != nil || !os.SameFile(here, there) {
		return self
	}
	return called
}
