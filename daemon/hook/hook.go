// Package hook runs the commands that a person configured for when something happens. Each is a clean child process: its
// facts are in its environment, never a token, it has no input and no terminal, and it is ended, with all that it started,
// if it takes too long.
package hook

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"time"

	"oauthd/ipc/api"
)

const (
	// defaultTimeout is how long a command may run.
	defaultTimeout = 30 * time.Second
	// mostOutput is how much of a command's output is remembered, in bytes.
	mostOutput = 4096
)

// Command is what is run when something happened. It has either an Argv or a Line.
type Command struct {
	// Argv is the program, by its absolute path or its name in PATH, and its arguments. No shell reads them.
	Argv []string
	// Line is a command line for the system's shell.
	Line string
	// Facts are added to the environment, as NAME=VALUE.
	Facts []string
}

// Name returns what to call c in a log.
func (c Command) Name() string {
	if c.Line != "" {
		return api.Excerpt(c.Line)
	}
	return api.Excerpt(c.Argv[0])
}

// Runner runs commands. It is safe for concurrent use.
type Runner struct {
	// Env is the environment of each command, before its facts.
	Env []string
	// Timeout is how long a command may run; 0 means 30 s.
	Timeout time.Duration
}

// Run runs c until it has ended. The error has the last line that c wrote, filtered.
func (r Runner) Run(ctx context.Context, c Command) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	timeout := cmp.Or(r.Timeout, defaultTimeout)
	limited, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	cmd := command(limited, c)
	cmd.Env = slices.Concat(r.Env, c.Facts)
	output := &lastBytes{}
	cmd.Stdout, cmd.Stderr = output, output
	cmd.WaitDelay = time.Second // for what a child of the command keeps open
	err := cmd.Run()
	switch {
	case err == nil, errors.Is(err, exec.ErrWaitDelay):
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case limited.Err() != nil:
		return fmt.Errorf("it took longer than %v and was ended", timeout)
	}
	if line := output.lastLine(); line != "" {
		return fmt.Errorf("%w: %s", err, line)
	}
	return err
}

// lastBytes is the end of what was written to it.
type lastBytes struct{ end []byte }

func (l *lastBytes) Write(p []byte) (int, error) {
	l.end = append(l.end, p...)
	if over := len(l.end) - mostOutput; over > 0 {
		l.end = bytes.Clone(l.end[over:])
	}
	return len(p), nil
}

func (l *lastBytes) lastLine() string {
	lines := strings.Split(strings.TrimSpace(string(l.end)), "\n")
	return api.Excerpt(lines[len(lines)-1])
}
