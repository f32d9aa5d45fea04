package main

import (
	"strconv"

	"github.com/spf13/cobra"
)

func newEmulationServer(std stdio) *cobra.Command {
	return &cobra.Command{
		Use:    emulationServer,
		Short:  "serve tokens to the program of exec",
		Hidden: true,
		Args:   cobra.ExactArgs(3), // the step, how many files it gets, and the process that it serves
		RunE: func(cmd *cobra.Command, args []string) error {
			count, err := strconv.Atoi(args[1])
			pid, wrong := strconv.Atoi(args[2])
			if err != nil || wrong != nil || count < 1 || count > 64 {
				return badRequest("this verb is for oauthd itself", "oauthd exec --help")
			}
			return serveDetached(cmd.Context(), std, args[0], count, pid)
		},
	}
}
