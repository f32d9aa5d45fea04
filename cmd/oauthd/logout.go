package main

import (
	"oauthd/cmd/oauthd/screen"

	"github.com/spf13/cobra"
)

func newLogout(std stdio) *cobra.Command {
	return &cobra.Command{
		Use:   "logout NAME",
		Short: "revoke the grant at the provider, then delete the credential",
		Long: `Revokes the account's grant at the provider if it can (RFC 7009), and deletes the
credential here in any case. The account stays; oauthd login NAME authorizes it again.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c := starting()
			defer c.Close()
			stop := screen.Progress(std.err, "Waiting for the provider to revoke the grant")
			result, err := c.Logout(cmd.Context(), args[0])
			stop()
			if err != nil {
				return err
			}
			screen.Say(std.out, "%s: forgotten here; %s\n", args[0], revocation(result))
			return nil
		},
	}
}
