//go:build !windows

package screen

import "os"

// showsColours reports whether a terminal takes escape sequences.
func showsColours(*os.File) bool { return true }
