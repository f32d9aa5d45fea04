package main

import (
	"strings"
	"time"

	"oauthd/cmd/oauthd/screen"
	"oauthd/ipc/api"

	"github.com/spf13/cobra"
)

func newPolicy(std stdio) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "policy",
		Short: "who may use an account, and what a person has agreed to",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newPolicyCheck(std), newPolicyList(std), newPolicyForget(std))
	return cmd
}

func newPolicyCheck(std stdio) *cobra.Command {
	var q api.PolicyQuestion
	var scopes []string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "check NAME",
		Short: "show whether a program may use an account, and which line decides",
		Long: `Shows what the rules in the account's file say to a program: the first [[allow]] or
[[deny]] that matches decides. Without --exe, --unit, --app, --origin or --socket it is
about the program that runs this command, as "oauthd whoami" shows it. The exit status
is 4 if the answer is no.`,
		Example: `  oauthd policy check work
  oauthd policy check work --exe /usr/bin/git --scope repo`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			q.Account, q.Scope = args[0], strings.Join(scopes, " ")
			c := existing()
			defer c.Close()
			answer, err := c.CheckPolicy(cmd.Context(), q)
			if err != nil {
				return err
			}
			if asJSON {
				err = screen.JSON(std.out, answer)
			} else {
				showPolicy(std, answer)
			}
			if err == nil && answer.Outcome == api.PolicyRefused {
				return &exitError{status: api.PolicyDenied.ExitStatus()}
			}
			return err
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&q.Executable, "exe", "", "the path of a program")
	flags.StringVar(&q.Unit, "unit", "", "a unit or scope of systemd's")
	flags.StringVar(&q.App, "app", "", `an application, such as "flatpak:org.example.Mail"`)
	flags.StringVar(&q.Origin, "origin", "", "the path of the program that its session began with")
	flags.StringVar(&q.Socket, "socket", "", "the path of a restricted socket")
	flags.StringArrayVar(&scopes, "scope", nil, "a scope that it asks for; may be repeated")
	flags.StringVar(&q.Audience, "audience", "", "an audience that it asks for")
	flags.BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func showPolicy(std stdio, a api.PolicyAnswer) {
	outcome := map[string]string{api.PolicyAllowed: "allowed", api.PolicyAsk: "allowed if a person agrees", api.PolicyRefused: "refused"}[a.Outcome]
	screen.Say(std.out, "%s: %s\n", a.Account, outcome)
	screen.Say(std.err, "because %s\n", a.Why)
	if a.Rule != "" {
		screen.Say(std.err, "\n  %s\n", strings.ReplaceAll(a.Rule, "\n", "\n  "))
	}
	if a.Scopes != nil {
		screen.Say(std.err, "it gets no more than %s\n", api.ScopesText(a.Scopes, "all"))
	}
}

func newPolicyList(std stdio) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "list what a person has agreed to, and what waits for an answer",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c := existing()
			defer c.Close()
			all, err := c.Consents(cmd.Context())
			if err != nil {
				return err
			}
			if asJSON {
				return screen.JSON(std.out, all)
			}
			rows := [][]string{{"ACCOUNT", "PROGRAM", "SCOPES", "UNTIL"}}
			for _, q := range all.Questions {
				rows = append(rows, []string{q.Account, processText(q.Caller.Process), api.ScopesText(q.Scopes, "all"), "waits: oauthd approve " + q.ID})
			}
			for _, given := range all.Given {
				until := "locked"
				if given.Until != nil {
					until = given.Until.Local().Format(time.Kitchen)
				}
				rows = append(rows, []string{given.Account, processText(given.Origin), api.ScopesText(given.Scopes, "all"), until})
			}
			if len(rows) == 1 {
				screen.Say(std.err, "Nobody has been asked, or all that was agreed to has ended.\n")
				return nil
			}
			return screen.Table(std.out, rows)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func newPolicyForget(std stdio) *cobra.Command {
	return &cobra.Command{
		Use:   "forget [NAME]",
		Short: "forget what a person has agreed to, for an account or for all",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			name := ""
			if len(args) > 0 {
				name = args[0]
			}
			c := existing()
			defer c.Close()
			n, err := c.ForgetConsents(cmd.Context(), name)
			if err != nil {
				return err
			}
			screen.Say(std.err, "%d forgotten; rules in an account's file stay\n", n)
			return nil
		},
	}
}
