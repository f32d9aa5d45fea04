package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"oauthd/cmd/oauthd/screen"

	"github.com/spf13/cobra"
)

func newToken(std stdio) *cobra.Command {
	var f tokenFlags
	cmd := &cobra.Command{
		Use:   "token NAME",
		Short: "print a fresh access token",
		Long: `Prints an access token of the account and a newline: from the daemon's cache if
that one is fresh, else from the provider.

--format writes it for the program that reads it:
  raw          the token alone
  json         with its type, scopes and end (RFC 6749 section 5.1)
  header       Authorization: Bearer TOKEN, for curl -H @-
  headers      the same as a JSON object, for the header hooks of AI tools
  bearer       Bearer TOKEN, for cargo
  env          ACCESS_TOKEN=TOKEN and more, for sh, docker and systemd
  xoauth2      the SASL response of Gmail and Outlook, in base64
  oauthbearer  the SASL response of RFC 7628, in base64`,
		Example: `  oauthd token work --format header | curl -H @- https://api.example.com/
  oauthd token work --min-ttl 10m
  oauthd token work --format xoauth2 --user ada@example.com`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 && os.Getenv("OAUTHD_SOCK") != "" {
				return nil // a restricted socket knows the account
			}
			return cobra.ExactArgs(1)(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.settle(cmd); err != nil {
				return err
			}
			c := starting()
			defer c.Close()
			text, err := f.text(cmd.Context(), std, c, strings.Join(args, ""))
			if err != nil {
				return err
			}
			return printToken(std.out, text)
		},
	}
	flags := cmd.Flags()
	f.add(flags)
	f.addLogin(flags)
	flags.BoolVar(&f.request.Force, "force", false, "ask the provider for a new token, even for a login that it has ended (once a minute)")
	return cmd
}

// printToken prints a token byte by byte: the daemon takes none that is not printable ASCII.
func printToken(w io.Writer, text string) error {
	_, err := fmt.Fprintln(screen.Raw(w), text)
	return err
}
