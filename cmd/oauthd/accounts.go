package main

import (
	"cmp"
	"fmt"
	"time"

	"oauthd/ipc/api"

	"github.com/spf13/cobra"
)

func newAccounts(std stdio) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "accounts",
		Short: "list the accounts",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c := starting()
			defer c.Close()
			accounts, err := c.Accounts(cmd.Context())
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(std.out, accounts)
			}
			return printAccounts(std, accounts)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func printAccounts(std stdio, accounts []api.Account) error {
	if len(accounts) == 0 {
		fmt.Fprintln(std.err, "No accounts yet. oauthd login NAME makes one.")
		return nil
	}
	now := time.Now()
	rows := [][]string{{"NAME", "PROVIDER", "STATE", "WHO", "TOKEN ENDS", "NEXT REFRESH"}}
	for _, a := range accounts {
		rows = append(rows, []string{
			a.Name, api.Excerpt(a.Provider), stateWords(a), api.Excerpt(cmp.Or(a.Email, a.Subject, "-")),
			cmp.Or(when(a.ExpiresAt, now), "-"), cmp.Or(when(a.NextRefreshAt, now), "-"),
		})
	}
	if err := table(std.out, rows); err != nil {
		return err
	}
	for _, a := range accounts {
		if endsSoon(a, now) {
			say(std.out, "\n%s: the login ends %s: %s\n", a.Name, when(a.LoginEndsAt, now), a.LoginEndsReason)
		}
		if a.LastError != nil {
			say(std.out, "\n%s: %s\n", a.Name, a.LastError.Message)
			if a.LastError.Hint != "" {
				say(std.out, "  hint: %s\n", a.LastError.Hint)
			}
		}
	}
	return nil
}

// endsSoon reports whether a listing warns of a login's end.
func endsSoon(a api.Account, now time.Time) bool {
	const soon = 14 * 24 * time.Hour
	return a.State != api.StateLoginRequired && a.LoginEndsAt != nil && !a.LoginProlonged && a.LoginEndsAt.Sub(now) < soon
}

// stateWords is the state with what else holds now.
func stateWords(a api.Account) string {
	s := string(a.State)
	if a.Refreshing {
		s += ", refreshing"
	}
	if a.Degraded {
		s += ", not saved"
	}
	if len(a.ScopesLost) > 0 {
		s += ", fewer scopes"
	}
	return s
}
