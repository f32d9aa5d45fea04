//go:build unix

package main

import (
	"errors"
	"syscall"

	"oauthd/ipc/api"
)

// become replaces this process by a program: whatever is sent to this process, its terminal and its end are then the
// program's own. A parent that stayed would have to pass all of that on, and could not: a signal to the whole group would
// arrive twice, SIGKILL and SIGSTOP not at all, and systemd's sockets and notifications are for one pid.
func become(_ stdio, path string, argv, env []string) error {
	err := syscall.Exec(path, argv, env)
	if errors.Is(err, syscall.ENOEXEC) { // a script without #!, which a shell runs too (POSIX, execvp)
		err = syscall.Exec("/bin/sh", append([]string{"sh", path}, argv[1:]...), env)
	}
	if errors.Is(err, syscall.E2BIG) {
		return &exitError{126, badRequest("the arguments and the environment are too large together", "oauthd exec -f puts the token into a file")}
	}
	return &exitError{126, badRequest(api.Excerpt(path)+" cannot be executed: "+api.Excerpt(err.Error()), "run it without oauthd to see why")}
}
