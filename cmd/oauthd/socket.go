package main

import (
	"fmt"
	"strconv"
	"time"

	"oauthd/cmd/oauthd/screen"
	"oauthd/ipc/api"

	"github.com/spf13/cobra"
)

func newSocket(std stdio) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "socket",
		Short: "sockets that serve one account, for containers and agents",
		Long: `Makes sockets that serve the tokens of one account and nothing else: to bind-mount into
a container, to forward with ssh -R, or to give to a job or an agent. They are gone
when the daemon stops.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newSocketCreate(std), newSocketList(std), newSocketRemove(std))
	return cmd
}

func newSocketCreate(std stdio) *cobra.Command {
	var r api.SocketRequest
	var ttl time.Duration
	var uid int
	cmd := &cobra.Command{
		Use:   "create PATH --account NAME",
		Short: "serve one account on a socket of its own",
		Long: `Serves tokens and changes of one account on a socket at PATH, and nothing else. A
program that is connected to it needs no account name, sees no other account, and can
log nobody in or out. --scope and --audience are all that its tokens may be for.

With --uid, programs of another user may connect, and only theirs. They have to set
OAUTHD_SOCK_UID to your uid, because clients check who serves the socket. The directory
must be yours; a container reaches the socket by a bind mount.`,
		Example: `  oauthd socket create ~/agent/oauthd.sock --account work --scope repo --ttl 8h
  docker run -u $UID -v ~/agent/oauthd.sock:/run/s -e OAUTHD_SOCK=/run/s IMAGE
  ssh -R /tmp/oauthd.sock:$HOME/agent/oauthd.sock example.com`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if r.Account == "" {
				return badRequest("a socket serves one account, and none is given", "oauthd socket create PATH --account NAME; oauthd accounts lists the names")
			}
			if r.Path, err = filePath(args[0]); err != nil {
				return err
			}
			if ttl < 0 || ttl > 0 && ttl < time.Second {
				return badRequest("--ttl is for how long the socket serves", "give at least a second, such as --ttl 8h")
			}
			r.TTL = int64(ttl / time.Second)
			if cmd.Flags().Changed("uid") {
				r.UID = &uid
			}
			c := starting()
			defer c.Close()
			s, err := c.AddSocket(cmd.Context(), r)
			if err != nil {
				return err
			}
			screen.Say(std.out, "%s\n", s.Path)
			screen.Say(std.err, "serves %s %s\n", s.Account, socketEnd(s))
			if s.Add != "" {
				screen.Say(std.err, "To keep it, add this to %s, which is yours:\n\n%s\n", s.File, s.Add)
			}
			return nil
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&r.Account, "account", "", "the account")
	flags.StringArrayVar(&r.Scopes, "scope", nil, "a scope that its tokens may have; may be repeated")
	flags.StringArrayVar(&r.Audiences, "audience", nil, "an audience that its tokens may be for; may be repeated")
	flags.DurationVar(&ttl, "ttl", 0, "for how long it serves (default: until the daemon stops)")
	flags.IntVar(&r.Max, "max", 0, "how many tokens it hands out (default: any number)")
	flags.StringVar(&r.Exe, "exe", "", "a pattern for the path of the program that may ask")
	flags.IntVar(&uid, "uid", 0, "the user whose programs may connect (default: you)")
	flags.BoolVar(&r.Keep, "keep", false, "write it into the account's file, for the next daemon too")
	return cmd
}

// socketEnd says until when a socket serves.
func socketEnd(s api.Socket) string {
	switch {
	case s.ExpiresAt != nil:
		return "until " + s.ExpiresAt.Local().Format("15:04:05 on Jan 2")
	case s.Kept:
		return "whenever the daemon runs"
	}
	return "until the daemon stops"
}

func newSocketList(std stdio) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "list the restricted sockets",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c := existing()
			defer c.Close()
			all, err := c.Sockets(cmd.Context())
			if err != nil {
				return err
			}
			if asJSON {
				return screen.JSON(std.out, all)
			}
			if len(all) == 0 {
				screen.Say(std.err, "There are none; oauthd socket create PATH --account NAME makes one.\n")
				return nil
			}
			rows := [][]string{{"PATH", "ACCOUNT", "SCOPES", "USER", "TOKENS", "SERVES"}}
			for _, s := range all {
				given := strconv.Itoa(s.Given)
				if s.Max > 0 {
					given = fmt.Sprintf("%d of %d", s.Given, s.Max)
				}
				rows = append(rows, []string{s.Path, s.Account, api.ScopesText(s.Scopes, "all"), strconv.Itoa(s.UID), given, socketEnd(s)})
			}
			return screen.Table(std.out, rows)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func newSocketRemove(std stdio) *cobra.Command {
	return &cobra.Command{
		Use:   "rm PATH",
		Short: "end a restricted socket",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			path, err := filePath(args[0])
			if err != nil {
				return err
			}
			c := existing()
			defer c.Close()
			s, err := c.EndSocket(cmd.Context(), path)
			if err != nil {
				return err
			}
			screen.Say(std.err, "%s does not serve %s any more\n", s.Path, s.Account)
			return nil
		},
	}
}
