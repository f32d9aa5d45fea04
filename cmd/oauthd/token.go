package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"oauthd/ipc/api"

	"github.com/spf13/cobra"
)

func newToken(std stdio) *cobra.Command {
	var (
		request api.TokenRequest
		scopes  []string
		minTTL  time.Duration
		format  string
	)
	cmd := &cobra.Command{
		Use:   "token NAME",
		Short: "print a fresh access token",
		Long: `Prints an access token of the account and a newline: from the daemon's cache if
that one is fresh, else from the provider.`,
		Example: `  oauthd token work --format header | curl -H @- https://api.example.com/
  oauthd token work --min-ttl 10m`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if format != "raw" && format != "json" && format != "header" {
				return badRequest(fmt.Sprintf("there is no format %q", format), "--format is raw, json or header")
			}
			request.Account, request.Scope = args[0], strings.Join(scopes, " ")
			if cmd.Flags().Changed("min-ttl") {
				if minTTL < 0 {
					return badRequest("--min-ttl must not be negative", "--min-ttl 10m asks for a token that lives ten minutes or more")
				}
				seconds := int64((minTTL + time.Second - 1) / time.Second)
				request.MinTTL = &seconds
			}
			c := starting()
			defer c.Close()
			t, err := c.Token(cmd.Context(), request)
			if err != nil {
				return err
			}
			if request.MinTTL != nil && t.ExpiresIn != nil && *t.ExpiresIn < *request.MinTTL {
				say(std.err, "note: the provider gives %s's tokens a shorter life than --min-ttl: this one is valid for %s\n",
					args[0], time.Duration(*t.ExpiresIn)*time.Second)
			}
			return printToken(std.out, t, format, request.IDToken)
		},
	}
	flags := cmd.Flags()
	flags.StringArrayVar(&scopes, "scope", nil, "a scope the token must cover; may be repeated")
	flags.StringVar(&request.Audience, "audience", "", "ask for a token for this audience")
	flags.StringVar(&request.Resource, "resource", "", "ask for a token for this resource (RFC 8707)")
	flags.DurationVar(&minTTL, "min-ttl", 0, "how long the token must still be valid (default: 60s, or a quarter of its lifetime if that is shorter)")
	flags.BoolVar(&request.Force, "force", false, "ask the provider for a new token, even for a login that it has ended (once a minute)")
	flags.BoolVar(&request.IDToken, "id-token", false, "print the OpenID Connect ID token; with json, add it")
	flags.StringVar(&format, "format", "raw", "raw, json or header")
	return cmd
}

// printToken prints a token byte by byte: the daemon takes none that is not printable ASCII.
func printToken(w io.Writer, t api.Token, format string, idToken bool) error {
	text := t.AccessToken
	if idToken {
		text = t.IDToken
	}
	var err error
	switch format {
	case "json":
		return printJSONLine(w, t)
	case "header":
		_, err = fmt.Fprintf(raw(w), "Authorization: %s %s\n", api.Printable(t.TokenType), text)
	default:
		_, err = fmt.Fprintln(raw(w), text)
	}
	return err
}
