package main

import (
	"context"
	"os"

	"oauthd/cmd/oauthd/screen"
	"oauthd/ipc/api"
	"oauthd/ipc/client"

	"github.com/spf13/cobra"
)

// verb makes a command. Making them all takes as long as asking for a token, so that they are made when they are needed.
type verb struct {
	name  string
	group string // what help lists it under
	make  func(stdio) *cobra.Command
}

// Groups of verbs, in the order of help.
const (
	accounts = "Accounts:"
	tokens   = "Tokens:"
	callers  = "Who may ask:"
	service  = "The daemon:"
	learning = "Help and set-up:"
)

func verbs() []verb {
	return []verb{
		{"login", accounts, newLogin},
		{"logout", accounts, newLogout},
		{"accounts", accounts, newAccounts},
		{"account", accounts, newAccount},
		{"import", accounts, newImport},
		{"providers", accounts, newProviders},
		{"token", tokens, newToken},
		{"exec", tokens, newExec},
		{"file", tokens, newFile},
		{"match", tokens, newMatch},
		{"helper", tokens, newHelper},
		{"proxy", tokens, newProxy},
		{"mcp", tokens, newMCP},
		{"watch", tokens, newWatch},
		{"policy", callers, newPolicy},
		{"approve", callers, newApprove},
		{"whoami", callers, newWhoami},
		{"audit", callers, newAudit},
		{"socket", callers, newSocket},
		{"status", service, newStatus},
		{"lock", service, newLock},
		{"unlock", service, newUnlock},
		{"reload", service, newReload},
		{"serve", service, newServe},
		{"stop", service, newStop},
		{"service", service, newService},
		{"keystore", service, newKeystore},
		{"doctor", service, newDoctor},
		{"demo", learning, newDemo},
		{"completion", learning, newCompletion},
		{"man", learning, newMan},
		{"version", learning, newVersion},
		{"clients", "", newClientsPage},
		{keychainChild, "", newKeychainChild},
		{emulationServer, "", newEmulationServer},
	}
}

func (v verb) command(std stdio) *cobra.Command {
	c := v.make(std)
	c.GroupID = v.group
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
		SilenceErrors:     true,
		SilenceUsage:      true,
		RunE:              func(cmd *cobra.Command, _ []string) error { return showOverview(cmd.Context(), std) },
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	root.SetIn(std.in)
	root.SetOut(std.out)
	root.SetErr(std.err)
	root.SetArgs(args)
	for _, group := range []string{accounts, tokens, callers, service, learning} {
		root.AddGroup(&cobra.Group{ID: group, Title: group})
	}
	root.SetFlagErrorFunc(flagProblem)
	root.SetHelpFunc(func(c *cobra.Command, _ []string) { showHelp(std, c) })
	root.SetHelpCommandGroupID(learning)
	help := newHelp(std)
	help.GroupID = learning
	root.SetHelpCommand(help)
	asked := args
	if completes(args) {
		root.SetOut(screen.Raw(std.out)) // tabs part a completion from its description
		asked = args[1:max(len(args)-1, 1)]
		defer addCompletions(root)
	}
	for _, v := range verbs() {
		if len(asked) > 0 && asked[0] == v.name {
			root.AddCommand(v.command(std))
			return root
		}
	}
	root.Version = fullVersion()
	if len(args) == 0 {
		return root
	}
	for _, v := range verbs() {
		root.AddCommand(v.command(std))
	}
	root.InitDefaultHelpCmd()
	return root
}

// withAllVerbs returns the command with everything below it.
func withAllVerbs(std stdio) *cobra.Command { return newRoot(std, []string{"help"}) }

// starting returns a client that starts a daemon when none runs, unless OAUTHD_NO_AUTOSTART forbids it.
func starting() *client.Client {
	c := existing()
	if os.Getenv("OAUTHD_NO_AUTOSTART") == "" {
		c.Start, c.Running = startDaemon, false
	}
	return c
}

// existing returns a client that only talks to a daemon that runs. At a terminal it asks for the passphrase of a file
// store that is closed, and shows that it waits.
func existing() *client.Client {
	return &client.Client{Running: true, Locked: openLocked(), Waiting: func(ctx context.Context) func() {
		return waitingFor(ctx, "Waiting for the daemon")
	}}
}

// waitingFor shows, at the terminal of the command line that ctx belongs to, what it waits for, until over is called.
func waitingFor(ctx context.Context, what string) (over func()) {
	std, ok := ctx.Value(stdioKey{}).(stdio)
	if !ok {
		return func() {}
	}
	return screen.Progress(std.err, what)
}

// unattended returns a client that starts a daemon, for a process in which nobody can be asked for a passphrase, or shown
// anything.
func unattended() *client.Client {
	c := starting()
	c.Locked, c.Waiting = nil, nil
	return c
}

func badRequest(message, hint string) error {
	return &api.Error{Code: api.BadRequest, Message: message, Hint: hint}
}
