package main

import (
	"os"

	"oauthd/cmd/oauthd/screen"
)

// reportOnTerminal shows an error at the terminal that this process belongs to, if there is one: the program that runs us
// shows nobody what we write.
func reportOnTerminal(err error) {
	terminal, failed := os.OpenFile("/dev/tty", os.O_WRONLY, 0)
	if failed != nil {
		return
	}
	defer terminal.Close()
	report(screen.On(terminal), err)
}
