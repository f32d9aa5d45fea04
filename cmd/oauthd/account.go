package main

import (
	"cmp"
	"time"

	"oauthd/cmd/oauthd/screen"
	"oauthd/ipc/api"

	"github.com/spf13/cobra"
)

func newAccount(std stdio) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "account",
		Short: "show or remove one account",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return badRequest("account wants a verb", "oauthd account show NAME, or oauthd account remove NAME")
		},
	}
	cmd.AddCommand(newAccountShow(std), newAccountRemove(std))
	return cmd
}

func newAccountShow(std stdio) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "show NAME",
		Short: "show what is known about an account",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c := starting()
			defer c.Close()
			a, err := c.Account(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if asJSON {
				return screen.JSON(std.out, a)
			}
			return printAccount(std, a)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func printAccount(std stdio, a api.Account) error {
	now := time.Now()
	rows := [][]string{{"name", a.Name}}
	add := func(key, value string) {
		if value != "" {
			rows = append(rows, []string{key, value})
		}
	}
	add("provider", a.Provider)
	add("tenant", a.Tenant)
	add("issuer", a.Issuer)
	add("client id", a.ClientID)
	add("grant", a.Grant)
	add("via", a.Via)
	add("state", stateWords(a))
	add("who", api.Excerpt(cmp.Or(a.Email, a.Subject)))
	add("scopes asked", screen.Excerpts(a.ScopesRequested))
	add("scopes granted", screen.Excerpts(a.ScopesGranted))
	if len(a.ScopesLost) > 0 {
		add("scopes lost", screen.Excerpts(a.ScopesLost)+" (granted at the login, left out of refreshed tokens)")
	}
	if a.MissingSince != nil {
		add("missing since", screen.When(a.MissingSince, now))
	}
	add("token ends", screen.When(a.ExpiresAt, now))
	add("next refresh", screen.When(a.NextRefreshAt, now))
	if a.LoginEndsAt != nil {
		add("login ends", screen.When(a.LoginEndsAt, now)+": "+a.LoginEndsReason)
	}
	if a.LastError != nil {
		add("last error", a.LastError.Message)
		add("hint", a.LastError.Hint)
	}
	add("file", a.File)
	return screen.Facts(std.out, rows)
}

func newAccountRemove(std stdio) *cobra.Command {
	return &cobra.Command{
		Use:   "remove NAME",
		Short: "log an account out, then remove its file",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c := starting()
			defer c.Close()
			stop := screen.Progress(std.err, "Waiting for the provider to revoke the grant")
			result, err := c.Remove(cmd.Context(), args[0])
			stop()
			if err != nil {
				return err
			}
			screen.Say(std.out, "%s: removed; %s\n", args[0], revocation(result))
			return nil
		},
	}
}

// revocation words what became of the grant at the provider.
func revocation(r api.LogoutResult) string {
	if r.Revoked {
		return "revoked at the provider"
	}
	return "not revoked at the provider: " + r.Detail
}
