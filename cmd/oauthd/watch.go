package main

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"oauthd/ipc/api"
	"oauthd/ipc/client"

	"github.com/spf13/cobra"
)

const (
	// away is how long a daemon that is being restarted may be away.
	away       = 2 * time.Second
	awayLookup = 50 * time.Millisecond
)

func newWatch(std stdio) *cobra.Command {
	return &cobra.Command{
		Use:   "watch [NAME]",
		Short: "print one JSON line for every new token and every change",
		Long: `Prints how every account is, or the one named, and then a line for every new token
and every change, until Ctrl-C. Tokens themselves are never printed. Across a restart
of the daemon it goes on, beginning with how everything is.`,
		Example: `  oauthd watch | jq --unbuffered -r 'select(.event == "account") | "\(.account) \(.status.state)"'
  oauthd watch work | jq --unbuffered 'select(.event == "token")'`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			name := ""
			if len(args) == 1 {
				name = args[0]
				if err := api.CheckAccountName(name); err != nil { // "" would be all
					return err
				}
			}
			out := json.NewEncoder(std.out)
			out.SetEscapeHTML(false)
			return watch(cmd.Context(), name, out.Encode)
		},
	}
}

// watch hands every event to print. A daemon that was stopped is waited for, but not started again.
func watch(ctx context.Context, name string, print func(any) error) error {
	c := starting()
	defer func() { _ = c.Close() }()
	heard, err := watchOnce(ctx, c, name, print)
	for ctx.Err() == nil && errors.Is(err, &api.Error{Code: api.NoDaemon}) && time.Since(heard) < away {
		c.Start = nil
		select {
		case <-time.After(awayLookup):
		case <-ctx.Done():
			return ctx.Err()
		}
		var now time.Time
		if now, err = watchOnce(ctx, c, name, print); !now.IsZero() {
			heard = now
		}
	}
	return err
}

// watchOnce watches until the daemon ends; heard is when it was last there, zero where it never was.
func watchOnce(ctx context.Context, c *client.Client, name string, print func(any) error) (heard time.Time, err error) {
	began := time.Now()
	for event, err := range c.Watch(ctx, name) {
		switch {
		case err != nil && (!heard.IsZero() || time.Since(began) > away): // it may have had nothing to say
			return time.Now(), err
		case err != nil:
			return heard, err
		}
		heard = time.Now()
		if err := print(event); err != nil {
			return heard, err
		}
	}
	return heard, ctx.Err()
}
