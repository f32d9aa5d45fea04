package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"oauthd/cmd/oauthd/process"
	"oauthd/cmd/oauthd/screen"
	"oauthd/ipc/api"
	"oauthd/ipc/client"
	"oauthd/ipc/mcp"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// bridgeBuffer is how much of a connection to the server is buffered each way, in bytes; longer messages pass by it.
const bridgeBuffer = 1 << 10

func newMCP(std stdio) *cobra.Command {
	var account string
	var def api.AccountDefinition
	var f loginFlags
	cmd := &cobra.Command{
		Use:   "mcp URL",
		Short: "be an MCP server on stdin and stdout, in front of one on the web",
		Long: `Serves the Model Context Protocol on standard input and output, and passes every
message on to the MCP server at a URL (Streamable HTTP), with an access token of
the account whose hosts allow that URL. An agent that runs this as a command needs
no login of its own and sees no token.

If there is no such account, it makes one, named after the server's host, and logs
in first, as oauthd login does with --resource URL and the same flags; without a
browser, the address to open is on standard error. Agents that start at once share
that login.

A token that the server refuses is replaced once, and the message sent again. If
the server wants a scope that was not granted, or a newer login, the daemon asks a
person, once for all agents, and the message goes on. What nobody gives is the
error of the message that needed it.`,
		Example: `  oauthd mcp https://mcp.example.com/mcp
  oauthd mcp https://mcp.example.com/mcp --account work
  oauthd mcp https://mcp.example.com/mcp --client-id ID --scope notes.read`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c := unattended()
			defer c.Close()
			name, err := mcp.Choose(cmd.Context(), c, args[0], account)
			if errors.Is(err, &api.Error{Code: api.UnknownAccount}) {
				def.Resource, def.Join = args[0], true
				name, err = logInFirst(cmd.Context(), std, c, account, def, f, err)
			}
			if err != nil {
				return err
			}
			web := http.DefaultTransport.(*http.Transport).Clone()
			web.DisableCompression = true // it would hold events back
			web.ReadBufferSize, web.WriteBufferSize = bridgeBuffer, bridgeBuffer
			rest := process.NewRest()
			resting, cancel := context.WithCancel(cmd.Context())
			defer cancel()
			go rest.Run(resting, nil)
			request := api.TokenRequest{Account: name, URL: args[0]}
			bridge := &mcp.Bridge{
				URL:       args[0],
				Account:   name,
				Transport: rest.Transport(mcp.StepUp(c, request, c.Transport(request, web))),
				Report:    func(err error) { report(std.err, err) },
			}
			out := screen.Raw(std.out)
			if screen.IsTerminal(std.out) {
				out = std.out // a server's text may hold what steers a terminal
			}
			return bridge.Serve(cmd.Context(), std.in, out)
		},
	}
	cmd.Flags().StringVar(&account, "account", "", "the account, if the hosts of several allow the URL; or the name of the new one")
	f.addForServer(cmd, &def)
	return cmd
}

// addForServer gives cmd those flags of login that make sense for a server that says itself where its tokens come from, while
// standard input and output are for something else.
func (f *loginFlags) addForServer(cmd *cobra.Command, def *api.AccountDefinition) {
	var all cobra.Command
	f.add(&all, def)
	all.Flags().VisitAll(func(flag *pflag.Flag) {
		switch flag.Name {
		case "provider", "tenant", "issuer", "resource": // the server says it
		case "client-secret-stdin", "print-url", "paste", "cancel", "store", "force", "subject":
		default:
			cmd.Flags().AddFlag(flag)
		}
	})
}

// logInFirst logs in at a server that no account is for, and returns the account's name. why says that there is none.
func logInFirst(ctx context.Context, std stdio, c *client.Client, name string, def api.AccountDefinition, f loginFlags, why error) (string, error) {
	if slices.Contains([]string{f.clientSecrets, f.keyFile}, "-") {
		return "", badRequest("standard input is for the protocol here", "name a file")
	}
	accounts, err := c.Accounts(ctx)
	if err != nil {
		return "", err
	}
	if name == "" {
		name = nameForServer(def.Resource, accounts)
	} else if slices.ContainsFunc(accounts, func(a api.Account) bool { return a.Name == name }) {
		return "", why
	}
	std.in, std.out = strings.NewReader(""), std.err
	if err := f.apply(&def, std); err != nil {
		return "", err
	}
	err = logIn(ctx, std, name, def, f)
	if errors.Is(err, &api.Error{Code: api.ConfigInvalid}) { // the server does not say how
		e := *api.AsError(err)
		e.Hint = api.AsError(why).Hint
		return "", &e
	}
	if err != nil {
		return "", err
	}
	return mcp.Choose(ctx, c, def.Resource, name)
}

// nameForServer returns a name for an account of the server at address: its host, and a number if another account is called that.
func nameForServer(address string, accounts []api.Account) string {
	host := ""
	if u, err := url.Parse(address); err == nil {
		host = strings.Map(func(r rune) rune {
			if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '.' || r == '-' {
				return r
			}
			return '-'
		}, strings.ToLower(u.Hostname()))
	}
	const most = 50 // characters, which leaves room for a number
	host = cmp.Or(strings.TrimLeft(host[:min(len(host), most)], "-."), "mcp")
	if api.CheckAccountName(host) != nil { // such as a name of a device
		host = "mcp-" + host
	}
	taken := func(name string) bool {
		return slices.ContainsFunc(accounts, func(a api.Account) bool { return a.Name == name })
	}
	name := host
	for n := 2; taken(name); n++ {
		name = fmt.Sprintf("%s-%d", host, n)
	}
	return name
}
