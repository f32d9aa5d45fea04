// Package hook runs the commands that a person configured for when something happens. Each is a clean child process: its
// facts are in its environment, never a token, it has no input and no terminal, and it is ended if it takes too long.
package hook

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"

	"oauthd/ipc/api"

	"github.com/rs/zerolog"
)

const (
	// Timeout is how long a command may run.
	Timeout = 30 * time.Second
	// most is how many commands may wait for their turn.
	most = 64
	// mostOutput is how much of a failed command's output is read, in bytes.
	mostOutput = 4096
)

// Command is what is run when something happened.
type Command struct {
	// Argv is the program, by its absolute path or its name in PATH, and its arguments. No shell reads them.
	Argv []string
	// Facts are added to the environment, as NAME=VALUE.
	Facts []string
}

// Runner runs one command at a time. It is safe for concurrent use; the zero value runs commands with an empty
// environment and logs nothing.
type Runner struct {
	// Env is the environment of each command, before its facts.
	Env []string
	Log zerolog.Logger

	mu      sync.Mutex // guards the fields below
	waiting []Command
	wake    chan struct{} // nil while Run does not wait
}

// Add has c run as soon as those before it have ended. It never blocks: if too many wait, the oldest is left out, which
// the log shows.
func (r *Runner) Add(c Command) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.waiting) == most {
		r.Log.Warn().Str("command", api.Excerpt(r.waiting[0].Argv[0])).Msg("too many commands are waiting, leaving out the oldest")
		r.waiting = slices.Delete(r.waiting, 0, 1)
	}
	r.waiting = append(r.waiting, c)
	if r.wake != nil {
		close(r.wake)
		r.wake = nil
	}
}

// Run runs what is added until ctx ends, and returns once no command runs any more.
func (r *Runner) Run(ctx context.Context) {
	for {
		c, wake := r.next()
		if wake == nil {
			if err := r.run(ctx, c); err != nil && ctx.Err() == nil {
				r.Log.Warn().Err(err).Str("command", api.Excerpt(c.Argv[0])).Msg("a configured command failed")
			}
			continue
		}
		select {
		case <-wake:
		case <-ctx.Done():
			return
		}
	}
}

// next takes the oldest command; if there is none, wake is closed when one is added.
func (r *Runner) next() (c Command, wake <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.waiting) > 0 {
		c = r.waiting[0]
		r.waiting = slices.Delete(r.waiting, 0, 1)
		return c, nil
	}
	r.wake = make(chan struct{})
	return c, r.wake
}

func (r *Runner) run(ctx context.Context, c Command) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, c.Argv[0], c.Argv[1:]...)
	cmd.Env = append(slices.Clone(r.Env), c.Facts...)
	cmd.Dir = rootDir
	output := &firstBytes{}
	cmd.Stdout, cmd.Stderr = output, output
	cmd.WaitDelay = time.Second // for what a child of the command keeps open
	ownGroup(cmd)
	err := cmd.Run()
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("hook: it was ended after %v", Timeout)
	}
	if err != nil {
		return fmt.Errorf("hook: %w: %s", err, api.Excerpt(strings.TrimSpace(output.String())))
	}
	return nil
}

// firstBytes remembers the first bytes that are written to it.
type firstBytes struct{ bytes.Buffer }

func (f *firstBytes) Write(p []byte) (int, error) {
	_, _ = f.Buffer.Write(p[:min(len(p), mostOutput-f.Len())])
	return len(p), nil
}
