package main

import (
	"oauthd/ipc/api"

	"github.com/spf13/cobra"
)

func newServe(std stdio) *cobra.Command {
	var o serveOptions
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "run the daemon in the foreground",
		Long: `Runs the daemon until Ctrl-C, SIGTERM or oauthd stop. Most verbs start a daemon by
themselves if none is running, so this is for service managers and for debugging.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ready := whenReady(o.readyFD)
			err := serve(cmd.Context(), std, o, ready)
			ready(api.Status{}, err)
			return err
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.logLevel, "log-level", "info", "debug, info, warn or error")
	flags.StringVar(&o.startedBy, "started-by", "", "who starts the daemon")
	flags.StringVar(&o.logFile, "log-file", "", "where the log goes")
	flags.UintVar(&o.readyFD, "ready-fd", 0, "where to report readiness")
	flags.UintVar(&o.listenFD, "listen-fd", 0, "the socket that an older program passes on")
	flags.UintVar(&o.oidcListenFD, "oidc-listen-fd", 0, "its socket for oidc-agent's clients")
	flags.UintSliceVar(&o.heldFDs, "held-fd", nil, "which of them systemd holds")
	for _, name := range []string{"started-by", "log-file", "ready-fd", "listen-fd", "oidc-listen-fd", "held-fd"} {
		_ = flags.MarkHidden(name)
	}
	return cmd
}
