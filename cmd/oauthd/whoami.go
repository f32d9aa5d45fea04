package main

import (
	"fmt"
	"strconv"
	"strings"

	"oauthd/cmd/oauthd/screen"
	"oauthd/ipc/api"

	"github.com/spf13/cobra"
)

func newWhoami(std stdio) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "whoami",
		Short: "show what the daemon sees of the program that asks",
		Long: `Shows what the daemon sees of the program that runs this command: what the rules in
an account's file are compared with, and what a person would be shown. oauthd itself
is not the caller; the program that ran it is.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c := existing()
			defer c.Close()
			e, err := c.Whoami(cmd.Context())
			if err != nil {
				return err
			}
			if asJSON {
				return screen.JSON(std.out, e)
			}
			return screen.Table(std.out, append([][]string{{"EVIDENCE", "VALUE"}}, evidenceRows(e)...))
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// evidenceRows shows evidence under the names that rules have for it.
func evidenceRows(e api.Evidence) (rows [][]string) {
	add := func(name, value string) {
		if value != "" {
			rows = append(rows, []string{name, value})
		}
	}
	add("uid", strconv.Itoa(e.UID))
	add("app", e.App)
	add("unit", e.Unit)
	if e.Origin != nil {
		add("origin", processText(*e.Origin))
	}
	add("exe", processText(e.Process))
	for _, p := range e.Parents {
		add("parent", processText(p))
	}
	if e.Through != nil {
		add("through", processText(*e.Through))
	}
	add("socket", e.Socket)
	return rows
}

// processText is a process in a line.
func processText(p api.Process) string {
	if p.PID == 0 {
		return p.Executable
	}
	return strings.TrimSpace(fmt.Sprintf("%s (pid %d)", p.Executable, p.PID))
}
