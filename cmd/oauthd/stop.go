package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"oauthd/ipc/api"
	"oauthd/ipc/client"
	"oauthd/ipc/own"

	"github.com/spf13/cobra"
)

// stopTimeout is more than the daemon gives its requests under way.
const stopTimeout = 15 * time.Second

func newStop(std stdio) *cobra.Command {
	return &cobra.Command{
		Use:   "stop",
		Short: "stop the daemon, and wait until it has ended",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c := existing()
			defer c.Close()
			s, err := c.Status(cmd.Context())
			if err != nil {
				return err
			}
			if err := c.Shutdown(cmd.Context()); err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), stopTimeout)
			defer cancel()
			if err := waitEnded(ctx, s); err != nil {
				return err
			}
			fmt.Fprintf(std.err, "oauthd: the daemon (pid %d) has ended\n", s.PID)
			return nil
		},
	}
}

// waitEnded waits until the daemon of s has let go of its lock.
func waitEnded(ctx context.Context, s api.Status) error {
	state, err := client.DefaultEnvironment().StateDir()
	if err != nil && s.Store.Backend != "memory" {
		return err
	}
	path := lockPath(state, s.Store.Backend, s.Socket)
	dir, err := own.Open(filepath.Dir(path))
	if err != nil {
		return nil // a lock that is not there is not held
	}
	defer dir.Close()
	lock, err := dir.OpenFile(filepath.Base(path), os.O_RDONLY)
	if err != nil {
		return nil
	}
	defer lock.Close()
	defer waitingFor(ctx, fmt.Sprintf("Waiting for the daemon (pid %d) to end", s.PID))()
	for {
		if free, err := own.TryRLock(lock); free || err != nil {
			return nil
		}
		select {
		case <-time.After(lockPause):
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.Canceled) {
				return ctx.Err()
			}
			return &api.Error{Code: api.Timeout, Message: fmt.Sprintf("the daemon (pid %d) has not ended yet", s.PID),
				Hint: "it may wait for a provider; try again"}
		}
	}
}
