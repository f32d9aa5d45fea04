package screen

import (
	"os"

	"golang.org/x/sys/windows"
)

// showsColours reports whether a console takes escape sequences, which it may have to be told.
func showsColours(f *os.File) bool {
	var mode uint32
	console := windows.Handle(f.Fd())
	if windows.GetConsoleMode(console, &mode) != nil {
		return true // a terminal of Cygwin or MSYS, which takes them
	}
	return windows.SetConsoleMode(console, mode|windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING) == nil
}
