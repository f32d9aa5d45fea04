// Package pnpm answers pnpm's tokenHelper: a command that prints the Authorization header of a registry. pnpm says nothing
// to it, so the registry is an argument in pnpm's configuration. The account is the one whose hosts allow the registry.
package pnpm

import (
	"context"
	"io"
	"strings"

	"oauthd/ipc/api"
)

// Tokens is where tokens come from: [oauthd/ipc/client.Client] is one.
type Tokens interface {
	Token(ctx context.Context, r api.TokenRequest) (api.Token, error)
}

// Serve writes the header's value for the registry at that URL. pnpm has to stop if there is none, so no account for it
// is an error too.
func Serve(ctx context.Context, registry string, out io.Writer, tokens Tokens) error {
	t, err := tokens.Token(ctx, api.TokenRequest{URL: registry})
	if err != nil {
		return err
	}
	if strings.ContainsAny(t.AccessToken, "\r\n\x00") {
		return &api.Error{Code: api.Unsupported, Message: "the token of " + t.Account + " has a line break, which no header can have", Hint: "oauthd account show " + t.Account}
	}
	_, err = io.WriteString(out, "Bearer "+t.AccessToken+"\n")
	return err
}
