package main

import (
	"bufio"
	"context"
	"fmt"
	"strings"

	"oauthd/ipc/api"

	"github.com/spf13/cobra"
)

// maxPassphrase bounds what is read of a passphrase, in bytes; the socket takes no more.
const maxPassphrase = 4 << 10

func newLock(std stdio) *cobra.Command {
	return &cobra.Command{
		Use:   "lock",
		Short: "refuse every token until oauthd unlock",
		Long: `Makes the daemon forget the tokens it holds and refuse every request for one. It also
closes the file store, which then needs its passphrase.`,
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
			c := starting()
			defer c.Close()
			s, err := c.Status(cmd.Context())
			if err != nil {
				return err
			}
			if s.Store.State != "locked" && !stdin {
				fmt.Fprintln(std.err, "oauthd: not locked")
				return nil
			}
			passphrase, err := askPassphrase(cmd.Context(), std, s.Store.Needs, stdin)
			if err != nil {
				return err
			}
			if err := c.Unlock(cmd.Context(), passphrase); err != nil {
				return err
			}
			fmt.Fprintln(std.err, "oauthd: unlocked")
			return nil
		},
	}
	cmd.Flags().BoolVar(&stdin, "passphrase-stdin", false, "read the passphrase from standard input")
	return cmd
}

// askPassphrase asks for what the store needs, a new passphrase twice, without echo.
func askPassphrase(ctx context.Context, std stdio, needs string, stdin bool) (api.Confidential, error) {
	if stdin {
		text, err := readText(std.in, maxPassphrase, "a passphrase", fmt.Sprintf("it may have %d bytes", maxPassphrase))
		return api.Confidential(strings.TrimSpace(text)), err
	}
	if needs == "" {
		return "", nil
	}
	if !isTerminal(std.in) {
		return "", badRequest("there is no terminal to ask for the passphrase", "--passphrase-stdin reads a pipe")
	}
	a := &asker{ctx: ctx, std: std, in: bufio.NewReader(std.in)}
	if needs != "new_passphrase" {
		return a.askSecret("Passphrase of the file store")
	}
	first, err := a.askSecret("A passphrase for the new file store; without it nobody can read what is stored")
	if err != nil {
		return "", err
	}
	second, err := a.askSecret("The same again")
	if err != nil {
		return "", err
	}
	if first != second {
		return "", badRequest("the two passphrases differ", "try again")
	}
	return first, nil
}
