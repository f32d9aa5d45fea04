package main

import (
	"oauthd/cmd/oauthd/screen"
	"oauthd/ipc/api"

	"github.com/spf13/cobra"
)

func newWatch(std stdio) *cobra.Command {
	return &cobra.Command{
		Use:   "watch [NAME]",
		Short: "print one JSON line for every new token and every change",
		Long: `Prints a line for every account, or for the one named, and then a line for every new
token and every change, until Ctrl-C. Tokens themselves are never printed. If the
daemon restarts, it goes on, beginning with every account again.`,
		Example: `  oauthd watch | jq --unbuffered -r '[.event, .account, .status.state] | @tsv'
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
			c := starting()
			defer c.Close()
			for event, err := range c.Watch(cmd.Context(), name) {
				if err != nil {
					return err
				}
				if err := screen.JSONLine(std.out, event); err != nil {
					return err
				}
			}
			return cmd.Context().Err()
		},
	}
}
