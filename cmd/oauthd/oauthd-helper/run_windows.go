package main

import (
	"errors"
	"os"
	"os/exec"
	"os/signal"
)

const suffix = ".exe"

// run runs the program to its end, because Windows cannot put one in our place. Ctrl-C reaches both, and it is the
// program that answers it.
func run(program string, args, env []string) (status int, err error) {
	signal.Ignore(os.Interrupt)
	cmd := exec.Cmd{Path: program, Args: args, Env: env, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr}
	err = cmd.Run()
	var ended *exec.ExitError
	if errors.As(err, &ended) {
		return ended.ExitCode(), nil
	}
	return 0, err
}
