//go:build unix

package main

import "syscall"

const suffix = ""

// run becomes the program, so it returns only if that fails.
func run(program string, args, env []string) (status int, err error) {
	return 0, syscall.Exec(program, args, env)
}
