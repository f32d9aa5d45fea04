package main

import (
	"fmt"

	"oauthd/cmd/oauthd/screen"

	"github.com/spf13/cobra"
)

func newVersion(std stdio) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "version",
		Short: "print the version of this program",
		Long: `Prints version, commit and Go version of this program, as oauthd --version does.
oauthd status shows the version of the daemon that runs.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if asJSON {
				return screen.JSON(std.out, thisBuild())
			}
			_, err := fmt.Fprintln(std.out, "oauthd version "+fullVersion())
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
