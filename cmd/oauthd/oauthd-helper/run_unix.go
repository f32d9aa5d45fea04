//go:build unix

package main

import (
	"os"
	"syscall"

	"oauthd/ipc/quick"
)

const suffix = ""

// run becomes the program, so it returns only if that fails; but if a part of standard input has been read already, the
// program runs to its end beside this one, and is given that part first.
func run(program string, args, env []string) (status int, err error) {
	if len(quick.Input) == 0 {
		return 0, syscall.Exec(program, args, env)
	}
	in, feed, err := os.Pipe()
	if err != nil {
		return 0, err
	}
	p, err := os.StartProcess(program, args, &os.ProcAttr{Env: env, Files: []*os.File{in, os.Stdout, os.Stderr}})
	_ = in.Close()
	if err != nil {
		return 0, err
	}
	go pass(feed)
	state, err := p.Wait()
	if err != nil {
		return 0, err
	}
	if status = state.ExitCode(); status < 0 {
		status = exitNoOauthd // a signal ended it
	}
	return status, nil
}

// pass writes all of standard input to feed, which it closes.
func pass(feed *os.File) {
	_, err := feed.Write(quick.Input)
	buffer := make([]byte, 4<<10)
	for n := 0; err == nil; {
		if n, err = os.Stdin.Read(buffer); n > 0 {
			_, err = feed.Write(buffer[:n])
		}
	}
	_ = feed.Close()
}
