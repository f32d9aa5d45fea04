package main

import (
	"context"
	"fmt"

	"oauthd/ipc/api"

	"github.com/spf13/cobra"
)

func newLock(std stdio) *cobra.Command {
	return &cobra.Command{
		Use:   "lock",
		Short: "refuse every token until oauthd unlock",
		Long: `Makes the daemon forget the tokens it holds and refuse every request for one. It also
closes the file store, which then needs its passphrase. oauthd help locking says how
the daemon does so by itself, when the screen is locked for example.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c := existing()
			defer c.Close()
			if err := c.Lock(cmd.Context()); err != nil {
				return err
			}
			fmt.Fprintln(std.err, "oauthd: locked")
			return nil
		},
	}
}

func newUnlock(std stdio) *cobra.Command {
	var stdin bool
	cmd := &cobra.Command{
		Use:   "unlock",
		Short: "serve tokens again; opens the file store",
		Long: `Ends oauthd lock, and opens the file store with its passphrase. The first time, it
creates the store and asks for the passphrase twice. White space around a passphrase
is ignored.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return unlock(cmd.Context(), std, stdin)
		},
	}
	cmd.Flags().BoolVar(&stdin, "passphrase-stdin", false, "read the passphrase from standard input")
	return cmd
}

func unlock(ctx context.Context, std stdio, stdin bool) error {
	c := starting()
	defer c.Close()
	s, err := c.Status(ctx)
	if err != nil {
		return err
	}
	switch {
	case stdin:
		var passphrase api.Confidential
		if passphrase, err = pipedPassphrase(std.in); err == nil {
			err = c.Unlock(ctx, passphrase)
		}
	case s.Store.State != "locked":
		fmt.Fprintln(std.err, "oauthd: not locked")
		return nil
	default:
		err = openStoreOf(ctx, std, c, s.Store.Needs)
	}
	if err == nil {
		fmt.Fprintln(std.err, "oauthd: unlocked")
	}
	return err
}
