package main

import (
	"oauthd/cmd/oauthd/screen"
	"oauthd/ipc/api"

	"github.com/spf13/cobra"
)

func newMatch(std stdio) *cobra.Command {
	var asJSON bool
	var user string
	cmd := &cobra.Command{
		Use:   "match URL",
		Short: "show which account answers for a URL, and why",
		Long: `Shows the account whose tokens may be used at a URL or a host, which line allows
that, and what a token request with that URL in it would use.

An account's file says where: hosts = ["git.example.com", "*.pkg.example.com",
"https://api.example.com/v1/"]. An account that says nothing has the hosts that
certainly belong to its provider. The exact host wins over a wildcard, then the
longer path; a user name, in the URL or by --user, decides between equals.`,
		Example: `  oauthd match https://git.example.com/ada/notes.git`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c := existing()
			defer c.Close()
			m, err := c.Match(cmd.Context(), args[0], user)
			if err != nil {
				return err
			}
			if asJSON {
				return screen.JSON(std.out, m)
			}
			from := "the hosts of its provider"
			if m.From == api.MatchFromAccount {
				from = m.File
			}
			screen.Say(std.out, "%s\n", m.Account)
			screen.Say(std.err, "because of %q in %s\n", m.Pattern, from)
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().StringVar(&user, "user", "", "a user name that decides between accounts")
	return cmd
}
