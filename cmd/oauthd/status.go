package main

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"oauthd/cmd/oauthd/screen"
	"oauthd/ipc/api"
	"oauthd/ipc/client"

	"github.com/spf13/cobra"
)

// newStatus makes the verb, whose screen has run execute what the person chooses.
func newStatus(std stdio, run func(context.Context, []string, stdio) int) *cobra.Command {
	var asJSON, socket, oidcSocket, watch bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "show the daemon, its store and every account",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if socket || oidcSocket {
				return printSocket(std, client.DefaultEnvironment().SocketPath(), oidcSocket)
			}
			c := existing()
			defer c.Close()
			if watch && asJSON {
				return badRequest("--watch and --json exclude each other", "oauthd watch prints events as JSON")
			}
			if watch {
				return watchStatus(cmd.Context(), std, c, run)
			}
			s, err := c.Status(cmd.Context())
			if err != nil {
				return err
			}
			if asJSON {
				return screen.JSON(std.out, s)
			}
			return printStatus(std, s)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().BoolVar(&watch, "watch", false, "keep showing it, on the whole screen")
	cmd.Flags().BoolVar(&socket, "socket", false, "print the path of the daemon's socket, whether or not one is running")
	cmd.Flags().BoolVar(&oidcSocket, "oidc-socket", false, "print the path of the socket for oidc-agent's clients (OIDC_SOCK)")
	return cmd
}

// printSocket prints the daemon's socket, or the one for oidc-agent's clients beside it.
func printSocket(std stdio, socket string, oidc bool) error {
	if oidc {
		if socket = api.OIDCAgentSocket(socket); socket == "" {
			return &api.Error{Code: api.Unsupported, Message: "oidc-agent's clients know no named pipes, and Windows has nothing else",
				Hint: "run them, and oauthd, under WSL"}
		}
	}
	_, err := fmt.Fprintln(std.out, socket)
	return err
}

func printStatus(std stdio, s api.Status) error {
	store := s.Store.Backend + ", " + s.Store.State
	if s.Store.Detail != "" {
		store += ": " + s.Store.Detail
	}
	started := screen.When(&s.StartedAt, time.Now())
	rows := [][]string{
		{"daemon", fmt.Sprintf("pid %d, version %s", s.PID, versions(s))},
		{"started", fmt.Sprintf("%s, by %s", started, cmp.Or(s.StartedBy, "unknown"))},
		{"socket", s.Socket},
	}
	if s.OIDCSocket != "" || s.OIDCProblem != "" {
		words := s.OIDCSocket
		if s.OIDCProblem != "" {
			words = "no answer: " + s.OIDCProblem
		}
		rows = append(rows, []string{"oidc-agent", words})
	}
	rows = append(rows, []string{"store", store})
	if err := screen.Facts(std.out, rows); err != nil {
		return err
	}
	fmt.Fprintln(std.out)
	if err := printAccounts(std, s.Accounts); err != nil {
		return err
	}
	return printCallers(std, s)
}

// mostCallers is how many callers are shown.
const mostCallers = 8

// printCallers prints which programs were given tokens last, and which wait until a person lets them.
func printCallers(std stdio, s api.Status) error {
	if len(s.Callers) > 0 {
		rows := [][]string{{"PROGRAM", "ACCOUNT", "ASKED"}}
		for _, c := range s.Callers[:min(len(s.Callers), mostCallers)] {
			rows = append(rows, []string{processText(api.Process{PID: c.PID, Executable: c.Executable}), c.Account, screen.When(&c.At, time.Now())})
		}
		fmt.Fprintln(std.out)
		if err := screen.Table(std.out, rows); err != nil {
			return err
		}
	}
	for _, q := range s.Questions {
		screen.Say(std.out, "\n%s wants to use %s, and waits for your answer: oauthd approve %s\n", processText(q.Caller.Process), q.Account, q.ID)
	}
	return nil
}
