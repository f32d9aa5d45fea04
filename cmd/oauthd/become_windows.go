package main

import (
	"errors"
	"os"
	"os/exec"
	"os/signal"

	"oauthd/cmd/oauthd/screen"
	"oauthd/ipc/api"
)

// become runs a program and ends as it does, because no program of Windows replaces another one. Ctrl-C goes to all
// programs of a console, so this one leaves it to the other.
func become(std stdio, path string, argv, env []string) error {
	signal.Ignore(os.Interrupt)
	cmd := exec.Command(path, argv[1:]...)
	cmd.Args[0] = argv[0]
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = env, std.in, screen.Raw(std.out), screen.Raw(std.err)
	err := cmd.Run()
	var ended *exec.ExitError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &ended):
		return &exitError{status: ended.ExitCode()}
	}
	return &exitError{126, badRequest(api.Excerpt(path)+" cannot be executed: "+api.Excerpt(err.Error()), "run it without oauthd to see why")}
}
