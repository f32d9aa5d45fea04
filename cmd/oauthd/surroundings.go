package main

import (
	"os"
	"os/user"
	"strings"
)

// noBrowserHere returns why no browser can be opened where the person sits, or "" when one can. $BROWSER wins: who sets
// it knows how to open one, over SSH too.
func noBrowserHere(getenv func(string) string, goos string) (why string) {
	switch {
	case getenv("BROWSER") != "":
		return ""
	case getenv("SSH_CONNECTION") != "" || getenv("SSH_TTY") != "":
		return "you are logged in over SSH"
	case goos == "darwin" || goos == "windows":
		return ""
	case getenv("DISPLAY") == "" && getenv("WAYLAND_DISPLAY") == "":
		return "there is no display ($DISPLAY, $WAYLAND_DISPLAY and $BROWSER are unset)"
	}
	return ""
}

// sshTarget names this machine as another one would reach it by ssh, as well as it can be known from here.
func sshTarget(getenv func(string) string) string {
	host, err := os.Hostname()
	if err != nil || host == "" || !strings.Contains(host, ".") {
		// user's address, its port, our address, our port
		if fields := strings.Fields(getenv("SSH_CONNECTION")); len(fields) == 4 {
			host = fields[2]
		}
	}
	if host == "" {
		host = "HOST"
	}
	if u, err := user.Current(); err == nil && u.Username != "" {
		return u.Username + "@" + host
	}
	return host
}
