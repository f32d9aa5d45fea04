package main

import (
	"fmt"

	"oauthd/cmd/oauthd/screen"

	"github.com/spf13/cobra"
)

// verbRow makes a command. Making them all takes as long as asking for a token, so that they are made when they are needed.
type verbRow struct {
	name  string
	group string // what help lists it under
	make  func(stdio) *cobra.Command
}

// Groups of verbs, in the order of help.
const (
	groupAccounts = "Accounts:"
	groupTokens   = "Tokens:"
	groupCallers  = "Who may ask:"
	groupService  = "The daemon:"
	groupLearning = "Help and set-up:"
)

func verbTable() []verbRow {
	return []verbRow{
		{"login", groupAccounts, newLogin},
		{"logout", groupAccounts, newLogout},
		{"accounts", groupAccounts, newAccounts},
		{"account", groupAccounts, newAccount},
		{"import", groupAccounts, newImport},
		{"providers", groupAccounts, newProviders},
		{"token", groupTokens, newToken},
		{"exec", groupTokens, newExec},
		{"file", groupTokens, newFile},
		{"match", groupTokens, newMatch},
		{"helper", groupTokens, newHelper},
		{"proxy", groupTokens, newProxy},
		{"mcp", groupTokens, newMCP},
		{"watch", groupTokens, newWatch},
		{"policy", groupCallers, newPolicy},
		{"approve", groupCallers, newApprove},
		{"whoami", groupCallers, newWhoami},
		{"audit", groupCallers, newAudit},
		{"socket", groupCallers, newSocket},
		{"status", groupService, func(std stdio) *cobra.Command { return newStatus(std, run) }},
		{"lock", groupService, newLock},
		{"unlock", groupService, newUnlock},
		{"reload", groupService, newReload},
		{"serve", groupService, newServe},
		{"stop", groupService, newStop},
		{"service", groupService, newService},
		{"keystore", groupService, newKeystore},
		{"doctor", groupService, newDoctor},
		{"demo", groupLearning, newDemo},
		{"completion", groupLearning, newCompletion},
		{"man", groupLearning, func(std stdio) *cobra.Command { return newMan(std, withAllVerbs) }},
		{"version", groupLearning, newVersion},
		{"clients", "", newClientsPage},
		{keychainChild, "", newKeychainChild},
		{emulationServer, "", newEmulationServer},
	}
}

// command makes the command, which is the i-th of all.
func (v verbRow) command(std stdio, i int) *cobra.Command {
	c := v.make(std)
	c.GroupID = v.group
	c.Annotations = map[string]string{rank: fmt.Sprintf("%02d", i)}
	explainArguments(c)
	return c
}

// newRoot returns the command for args: with the one verb that these begin with, or with all of them; with none for none.
func newRoot(std stdio, args []string) *cobra.Command {
	root := &cobra.Command{
		Use:   "oauthd [VERB]",
		Short: "ssh-agent for OAuth",
		Long: `oauthd is ssh-agent for OAuth. Log in once; every local program then gets a fresh
access token over a Unix socket, and none ever sees a refresh token.

Start with "oauthd demo", which needs nothing, or log in:
  oauthd login work --client-secrets client_secret.json --scope openid
  oauthd token work`,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !screen.IsTerminal(std.out) {
				return withAllVerbs(std).Help()
			}
			return showOverview(cmd.Context(), std)
		},
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	root.SetIn(std.in)
	root.SetOut(std.out)
	root.SetErr(std.err)
	root.SetArgs(args)
	for _, group := range []string{groupAccounts, groupTokens, groupCallers, groupService, groupLearning} {
		root.AddGroup(&cobra.Group{ID: group, Title: group})
	}
	root.SetFlagErrorFunc(flagProblem)
	root.SetHelpFunc(func(c *cobra.Command, _ []string) { showHelp(std, c) })
	root.SetHelpCommandGroupID(groupLearning)
	help := newHelp(std)
	help.GroupID = groupLearning
	root.SetHelpCommand(help)
	asked := args
	if completes(args) {
		root.SetOut(screen.Raw(std.out)) // tabs part a completion from its description
		asked = args[1:max(len(args)-1, 1)]
		defer addCompletions(root)
	}
	for i, v := range verbTable() {
		if len(asked) > 0 && asked[0] == v.name {
			root.AddCommand(v.command(std, i))
			return root
		}
	}
	root.Version = fullVersion()
	if len(args) == 0 {
		return root
	}
	for i, v := range verbTable() {
		root.AddCommand(v.command(std, i))
	}
	root.InitDefaultHelpCmd()
	return root
}

// withAllVerbs returns the command with everything below it.
func withAllVerbs(std stdio) *cobra.Command { return newRoot(std, []string{"help"}) }
