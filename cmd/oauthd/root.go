package main

import (
	"os"
	"runtime/debug"

	"oauthd/ipc/api"
	"oauthd/ipc/client"

	"github.com/spf13/cobra"
)

func newRoot(std stdio) *cobra.Command {
	root := &cobra.Command{
		Use:   "oauthd",
		Short: "ssh-agent for OAuth",
		Long: `oauthd is ssh-agent for OAuth. Log in once; every local program then gets a fresh
access token over a Unix socket, and none ever sees a refresh token.

Start with "oauthd demo", which needs nothing, or log in:
  oauthd login work --client-secrets client_secret.json --scope openid --scope email
  oauthd token work`,
		Version:           version(),
		SilenceErrors:     true,
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	root.SetIn(std.in)
	root.SetOut(std.out)
	root.SetErr(std.err)
	root.AddCommand(
		newLogin(std), newToken(std), newAccounts(std), newAccount(std), newLogout(std),
		newStatus(std), newWatch(std), newReload(std), newStop(std), newServe(std), newDemo(std), newKeychainChild(std),
		newLock(std), newUnlock(std), newKeystore(std), newImport(std), newProviders(std),
	)
	root.AddCommand(newClientsPage()) // a page of help
	return root
}

// version is the module's version, as the Go toolchain recorded it.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "dev"
}

// starting returns a client that starts a daemon when none runs, unless OAUTHD_NO_AUTOSTART forbids it.
func starting() *client.Client {
	c := existing()
	if os.Getenv("OAUTHD_NO_AUTOSTART") == "" {
		c.Start = startDaemon
	}
	return c
}

// existing returns a client that only talks to a daemon that runs.
func existing() *client.Client { return &client.Client{} }

func badRequest(message, hint string) error {
	return &api.Error{Code: api.BadRequest, Message: message, Hint: hint}
}
