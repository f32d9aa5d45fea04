package main

import (
	"net/http"

	"oauthd/cmd/oauthd/screen"
	"oauthd/ipc/api"
	"oauthd/ipc/mcp"

	"github.com/spf13/cobra"
)

func newMCP(std stdio) *cobra.Command {
	var account string
	cmd := &cobra.Command{
		Use:   "mcp URL",
		Short: "be an MCP server on stdin and stdout, in front of one on the web",
		Long: `Serves the Model Context Protocol on standard input and output, and passes every
message on to the MCP server at a URL (Streamable HTTP), with an access token of
the account whose hosts allow that URL. An agent that runs this as a command needs
no login of its own and sees no token.

A token that the server refuses is replaced once, and the message sent again. What
only a person can change, such as a login that has ended, is the error of the
message that needed it.`,
		Example: `  oauthd mcp https://mcp.example.com/mcp
  oauthd mcp https://mcp.example.com/mcp --account work`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c := unattended()
			defer c.Close()
			name, err := mcp.Choose(cmd.Context(), c, args[0], account)
			if err != nil {
				return err
			}
			web := http.DefaultTransport.(*http.Transport).Clone()
			web.DisableCompression = true // it would hold events back
			bridge := &mcp.Bridge{
				URL:       args[0],
				Account:   name,
				Transport: mcp.Guard(c, args[0], name, c.Transport(api.TokenRequest{Account: name}, web)),
				Report:    func(err error) { report(std.err, err) },
			}
			out := screen.Raw(std.out)
			if screen.IsTerminal(std.out) {
				out = std.out // a server's text may hold what steers a terminal
			}
			return bridge.Serve(cmd.Context(), std.in, out)
		},
	}
	cmd.Flags().StringVar(&account, "account", "", "the account, if the hosts of several allow the URL")
	return cmd
}
