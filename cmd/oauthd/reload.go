package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"oauthd/cmd/oauthd/screen"
	"oauthd/ipc/api"
	"oauthd/ipc/client"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"
)

func newReload(std stdio) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "reload",
		Short: "make the daemon read its configuration again",
		Long: `Makes the daemon read its configuration again, as SIGHUP does. If anything is wrong
in it, every mistake is reported with file and line, and nothing changes. An account
whose provider, client, grant or resource changed loses its cached tokens; all others
keep theirs.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c := existing()
			defer c.Close()
			r, err := c.Reload(cmd.Context())
			if err != nil {
				return err
			}
			for _, warning := range r.Warnings {
				screen.Say(std.err, "oauthd: %s\n", api.Lines(warning))
			}
			if asJSON {
				return screen.JSON(std.out, r)
			}
			printReload(std, r)
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func printReload(std stdio, r api.ReloadResult) {
	if len(r.Added)+len(r.Removed)+len(r.Changed) == 0 {
		fmt.Fprintln(std.out, "no account has changed")
	}
	for _, list := range []struct {
		what  string
		names []string
	}{{"added", r.Added}, {"removed", r.Removed}, {"changed", r.Changed}, {"cached tokens dropped", r.Dropped}} {
		if len(list.names) > 0 {
			screen.Say(std.out, "%s: %s\n", list.what, strings.Join(list.names, " "))
		}
	}
}

// reloadOnHangup has the daemon at socket, which may move, reload for every SIGHUP, until ctx ends. If the signal means
// that the terminal is gone it calls stop instead. The returned function waits for its end.
func reloadOnHangup(ctx context.Context, std stdio, socket func() string, log zerolog.Logger, stop func()) (wait func()) {
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	atTerminal := screen.IsTerminal(std.err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer signal.Stop(hangups)
		for {
			select {
			case <-ctx.Done():
				return
			case <-hangups:
			}
			if atTerminal && !screen.IsTerminal(std.err) {
				stop()
				return
			}
			c := &client.Client{Socket: socket()}
			_, err := c.Reload(ctx) // which logs what it did
			_ = c.Close()
			if err != nil && !errors.Is(err, &api.Error{Code: api.ConfigInvalid}) {
				log.Warn().Err(err).Msg("reload")
			}
		}
	}()
	return func() { <-done }
}
