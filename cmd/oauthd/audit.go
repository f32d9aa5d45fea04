package main

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"time"

	"oauthd/cmd/oauthd/screen"
	"oauthd/ipc/api"

	"github.com/spf13/cobra"
)

// maxToken bounds what is read of a token, in bytes.
const maxToken = 32 << 10

func newAudit(std stdio) *cobra.Command {
	var r api.AuditRequest
	var since time.Duration
	var fingerprint string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "show who was given which token, and what else happened",
		Long: `Shows the audit log: each token that was handed out or refused, each refresh, login,
logout, import, answer of a person, and lock, and each request through a proxy of
oauthd's, with the program that asked. What a program repeats within a minute is
one more line with a count. The log has no token; --fingerprint finds the lines
about one that you have, such as one that has leaked.

The log is audit.jsonl beside the daemon's log. [audit] in config.toml sets
enabled = false to have none, and required = true to hand out no token without it.`,
		Example: `  oauthd audit --account work --since 2h
  oauthd audit --caller /usr/bin/git --follow
  oauthd token work | oauthd audit --fingerprint -`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if since > 0 {
				from := time.Now().Add(-since)
				r.Since = &from
			}
			if cmd.Flags().Changed("fingerprint") {
				if fingerprint != "-" {
					return badRequest("--fingerprint reads the token from standard input", "oauthd audit --fingerprint - < token")
				}
				text, err := io.ReadAll(io.LimitReader(std.in, maxToken))
				if err != nil {
					return err
				}
				if r.Token = api.Confidential(strings.TrimSpace(string(text))); r.Token == "" {
					return badRequest("there is no token on standard input", "oauthd audit --fingerprint - < token")
				}
			}
			return showAudit(cmd, std, r, asJSON)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&r.Account, "account", "", "show only this account")
	flags.StringVar(&r.Caller, "caller", "", "show only programs, units or applications with this in their names")
	flags.DurationVar(&since, "since", 0, "show only what is not longer ago than this, such as 2h")
	flags.BoolVarP(&r.Follow, "follow", "f", false, "go on with what happens")
	flags.StringVar(&fingerprint, "fingerprint", "", "- finds the token on standard input")
	flags.BoolVar(&asJSON, "json", false, "print JSON lines")
	return cmd
}

func showAudit(cmd *cobra.Command, std stdio, r api.AuditRequest, asJSON bool) error {
	c := existing()
	defer c.Close()
	rows := [][]string{{"TIME", "EVENT", "ACCOUNT", "PROGRAM", "OUTCOME"}}
	for e, err := range c.Audit(cmd.Context(), r) {
		switch {
		case err != nil:
			return err
		case asJSON:
			err = screen.JSONLine(std.out, e)
		case r.Follow:
			screen.Say(std.out, "%s\n", strings.Join(auditRow(e), "  "))
		default:
			rows = append(rows, auditRow(e))
		}
		if err != nil {
			return err
		}
	}
	switch {
	case asJSON || r.Follow:
		return nil
	case len(rows) == 1:
		screen.Say(std.err, "Nothing of that is in the audit log.\n")
		return nil
	}
	return screen.Table(std.out, rows)
}

// auditRow is an event in a line.
func auditRow(e api.AuditEvent) []string {
	at := e.At
	if e.Last != nil {
		at = *e.Last
	}
	program := "oauthd"
	if e.Caller != nil {
		program = cmp.Or(e.Caller.App, e.Caller.Executable, fmt.Sprintf("pid %d", e.Caller.PID))
	}
	outcome := e.Outcome
	if e.Event == api.AuditProxied {
		_, place, _ := strings.Cut(e.URL, "://")
		outcome = fmt.Sprintf("%s %s %d", e.Method, place, e.Status)
		if e.Outcome != "ok" {
			outcome = e.Outcome + ", " + outcome
		}
	}
	if e.Detail != "" && e.Event != api.AuditDenied {
		outcome += ", " + e.Detail
	}
	switch {
	case e.Repeats == 1:
		outcome += ", once more"
	case e.Repeats > 1:
		outcome += fmt.Sprintf(", %d times more", e.Repeats)
	}
	return []string{at.Local().Format("Jan _2 15:04:05"), e.Event, cmp.Or(e.Account, "-"), program, outcome}
}
