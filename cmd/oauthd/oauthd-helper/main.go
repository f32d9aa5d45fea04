// Command oauthd-helper is oauthd for programs that ask for a token often: `oauthd-helper token NAME` prints the same as
// `oauthd token NAME`, and sooner, because the fast lane is nearly all there is in it. Every other command line, and
// everything that the fast lane leaves to the usual path, goes to the oauthd in the same directory, unchanged.
package main

import (
	"os"

	"oauthd/ipc/quick"
)

// What a shell would make of the same failures: the exit statuses of package api for usage and internal.
const (
	exitUnprinted = 2
	exitNoOauthd  = 1
)

func main() {
	if len(quick.Rest) > 0 {
		if _, err := os.Stdout.Write(quick.Rest); err != nil {
			os.Exit(fail(exitUnprinted, err.Error(), "the token was printed in part only; ask again"))
		}
		return
	}
	self, err := os.Executable() // past all links
	if err != nil {
		os.Exit(fail(exitNoOauthd, "the path of this program is not known: "+err.Error(), "use oauthd itself"))
	}
	oauthd := beside(self)
	status, err := run(oauthd, os.Args, os.Environ())
	if err != nil {
		os.Exit(fail(exitNoOauthd, oauthd+" cannot be run: "+err.Error(), "install oauthd in the same directory as oauthd-helper"))
	}
	os.Exit(status)
}

// beside returns the path of oauthd in the directory of the program at self.
func beside(self string) string {
	end := len(self)
	for end > 0 && !os.IsPathSeparator(self[end-1]) {
		end--
	}
	return self[:end] + "oauthd" + suffix
}

func fail(status int, message, hint string) int {
	_, _ = os.Stderr.WriteString("oauthd: " + plain(message) + "\nhint: " + hint + "\n")
	return status
}

// plain is what a terminal can be shown of a message with a path in it. The filter of package api would be most of this
// program.
func plain(message string) string {
	text := []byte(message)
	for i, c := range text {
		if c < ' ' || c > '~' {
			text[i] = '?'
		}
	}
	return string(text)
}
