package main

import (
	"bytes"
	"context"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"oauthd/cmd/oauthd/screen"
	"oauthd/ipc/api"
	"oauthd/ipc/client"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func newCompletion(std stdio) *cobra.Command {
	scripts := map[string]func(root *cobra.Command, w io.Writer) error{
		"bash":       func(root *cobra.Command, w io.Writer) error { return root.GenBashCompletionV2(w, true) },
		"zsh":        (*cobra.Command).GenZshCompletion,
		"fish":       func(root *cobra.Command, w io.Writer) error { return root.GenFishCompletion(w, true) },
		"powershell": (*cobra.Command).GenPowerShellCompletionWithDesc,
	}
	shells := []string{"bash", "zsh", "fish", "powershell"}
	return &cobra.Command{
		Use:   "completion bash|zsh|fish|powershell",
		Short: "print what makes a shell complete verbs, accounts and scopes",
		Long: `Prints a script that makes a shell complete the command lines of oauthd: verbs,
flags, and the accounts, providers and scopes that a running daemon knows. It never
starts one. For bash the package bash-completion has to be installed.

To have them in every new shell, put the script where the shell looks for it:
  bash        ~/.local/share/bash-completion/completions/oauthd
  zsh         _oauthd in a directory of your $fpath, before compinit runs
  fish        ~/.config/fish/completions/oauthd.fish
  powershell  at the end of $PROFILE`,
		Example: `  source <(oauthd completion bash)
  oauthd completion zsh > ~/.zfunc/_oauthd
  oauthd completion fish | source
  oauthd completion powershell | Out-String | Invoke-Expression`,
		ValidArgs: shells,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 1 && scripts[args[0]] != nil {
				return nil
			}
			hint := "oauthd completion " + strings.Join(shells, "|")
			if len(args) != 1 {
				return badRequest("completion wants the name of a shell", hint)
			}
			return badRequest("there are no completions for "+api.Excerpt(args[0]), suggesting(args[0], shells, "")+hint)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			var script bytes.Buffer
			if err := scripts[args[0]](cmd.Root(), &script); err != nil {
				return err
			}
			_, err := screen.Raw(std.out).Write(script.Bytes())
			return err
		},
	}
}

// completes reports whether a shell asks for completions.
func completes(args []string) bool {
	return len(args) > 0 && (args[0] == cobra.ShellCompRequestCmd || args[0] == cobra.ShellCompNoDescRequestCmd)
}

// addCompletions has every verb complete what its usage line and its flags call for.
func addCompletions(c *cobra.Command) {
	for _, sub := range c.Commands() {
		addCompletions(sub)
	}
	if c.ValidArgsFunction == nil && len(c.ValidArgs) == 0 && c.HasParent() {
		c.ValidArgsFunction = completeArgument
	}
	known := flagCompletions()
	c.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if _, set := c.GetFlagCompletionFunc(f.Name); set {
			return
		}
		if complete, ok := known[f.Name]; ok {
			_ = c.RegisterFlagCompletionFunc(f.Name, complete)
		} else if !strings.Contains(f.Name, "file") && f.Name != "client-secrets" {
			_ = c.RegisterFlagCompletionFunc(f.Name, cobra.NoFileCompletions)
		}
	})
}

// flagCompletions say what the values of flags are, wherever they occur.
func flagCompletions() map[string]cobra.CompletionFunc {
	accounts := func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return completeAccounts()
	}
	return map[string]cobra.CompletionFunc{
		"account": accounts, "via": accounts, "aws": accounts, "azure": accounts, "google": accounts,
		proxyFlag: completeProxy,
		"provider": func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return completeProviders()
		},
		"scope":  completeScopes,
		"env":    completeVariable,
		"file":   completeVariable,
		"format": cobra.FixedCompletions(api.Formats(), cobra.ShellCompDirectiveNoFileComp),
		"grant": cobra.FixedCompletions([]cobra.Completion{"authorization_code", "device_code", "client_credentials", "service_account", "adc", "identity_assertion"},
			cobra.ShellCompDirectiveNoFileComp),
		"store": cobra.FixedCompletions([]cobra.Completion{"keychain", "file", "memory"}, cobra.ShellCompDirectiveNoFileComp),
	}
}

// completeArgument completes an argument by its place in the usage line.
func completeArgument(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	places := strings.Fields(strings.NewReplacer("[", "", "]", "").Replace(cmd.Use))[1:]
	if len(args) >= len(places) {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	switch place := places[len(args)]; {
	case place == "NAME" && cmd.Name() == "providers":
		return completeProviders()
	case place == "NAME":
		return completeAccounts()
	case place == "VERB" && cmd.Name() == "help":
		return completeHelp(cmd), cobra.ShellCompDirectiveNoFileComp
	}
	return nil, cobra.ShellCompDirectiveDefault
}

func completeHelp(cmd *cobra.Command) (found []cobra.Completion) {
	for _, c := range cmd.Root().Commands() {
		if c.IsAvailableCommand() || c.IsAdditionalHelpTopicCommand() {
			found = append(found, cobra.CompletionWithDesc(c.Name(), c.Short))
		}
	}
	for _, t := range topics() {
		found = append(found, cobra.CompletionWithDesc(t.name, t.about))
	}
	return found
}

// completionPatience is how long a daemon may take: a person has pressed a key and waits.
const completionPatience = time.Second

// askQuickly asks the daemon, if one is running.
func askQuickly[T any](ask func(context.Context, *client.Client) (T, error)) (answer T, ok bool) {
	ctx, cancel := context.WithTimeout(context.Background(), completionPatience)
	defer cancel()
	var c client.Client // which asks for no passphrase
	defer c.Close()
	answer, err := ask(ctx, &c)
	return answer, err == nil
}

// completeAccounts returns the accounts that the daemon knows; without one, those that have a file.
func completeAccounts() ([]cobra.Completion, cobra.ShellCompDirective) {
	var found []cobra.Completion
	accounts, ok := askQuickly(func(ctx context.Context, c *client.Client) ([]api.Account, error) { return c.Accounts(ctx) })
	for _, a := range accounts {
		found = append(found, cobra.CompletionWithDesc(a.Name, api.Excerpt(a.Provider+" "+a.Email)))
	}
	if !ok {
		found = savedAccounts()
	}
	return found, cobra.ShellCompDirectiveNoFileComp
}

// savedAccounts returns the names of the accounts that have a file, without asking a daemon.
func savedAccounts() (names []string) {
	dir, err := client.DefaultEnvironment().ConfigDir()
	if err != nil {
		return nil
	}
	entries, err := os.ReadDir(filepath.Join(dir, "accounts"))
	if err != nil {
		return nil
	}
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), ".toml"); ok && api.CheckAccountName(name) == nil {
			names = append(names, name)
		}
	}
	return names
}

func completeProviders() ([]cobra.Completion, cobra.ShellCompDirective) {
	var found []cobra.Completion
	providers, _ := askQuickly(func(ctx context.Context, c *client.Client) ([]api.Provider, error) { return c.Providers(ctx) })
	for _, p := range providers {
		found = append(found, cobra.CompletionWithDesc(p.Name, api.Excerpt(p.Title)))
	}
	return found, cobra.ShellCompDirectiveNoFileComp
}

// completeScopes returns the scopes of the account that is named, and what its provider suggests if it is about to log in.
func completeScopes(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	scopes := map[string]bool{}
	add := func(some []string) {
		for _, scope := range some {
			scopes[api.Excerpt(scope)] = true
		}
	}
	provider, _ := cmd.Flags().GetString("provider")
	if len(args) > 0 {
		if a, ok := askQuickly(func(ctx context.Context, c *client.Client) (api.Account, error) { return c.Account(ctx, args[0]) }); ok {
			add(a.ScopesGranted)
			if cmd.Name() == "login" {
				add(a.ScopesRequested)
			}
		}
	}
	if provider != "" {
		if p, ok := askQuickly(func(ctx context.Context, c *client.Client) (api.Provider, error) { return c.Provider(ctx, provider) }); ok {
			add(p.DefaultScopes)
		}
	}
	return slices.Sorted(maps.Keys(scopes)), cobra.ShellCompDirectiveNoFileComp
}

// completeProxy completes the account in NAME=URL, and then the places where its tokens may be used.
func completeProxy(_ *cobra.Command, _ []string, toComplete string) ([]cobra.Completion, cobra.ShellCompDirective) {
	name, _, ok := strings.Cut(toComplete, "=")
	if !ok {
		found, directive := completeAccounts()
		for i, c := range found {
			name, about, described := strings.Cut(c, "\t")
			if found[i] = name + "="; described {
				found[i] = cobra.CompletionWithDesc(found[i], about)
			}
		}
		return found, directive | cobra.ShellCompDirectiveNoSpace
	}
	var found []cobra.Completion
	a, _ := askQuickly(func(ctx context.Context, c *client.Client) (api.Account, error) { return c.Account(ctx, name) })
	for _, host := range a.Hosts {
		if !strings.Contains(host, "://") {
			host = "https://" + host
		}
		if !strings.Contains(host, "*") {
			found = append(found, name+"="+api.Excerpt(host))
		}
	}
	return found, cobra.ShellCompDirectiveNoFileComp
}

// completeVariable completes the account in VAR=NAME.
func completeVariable(_ *cobra.Command, _ []string, toComplete string) ([]cobra.Completion, cobra.ShellCompDirective) {
	variable, _, ok := strings.Cut(toComplete, "=")
	if !ok {
		return nil, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
	found, directive := completeAccounts()
	for i, c := range found {
		found[i] = variable + "=" + c
	}
	return found, directive
}
