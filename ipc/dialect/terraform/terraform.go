// Package terraform answers Terraform and OpenTofu, which run a credentials helper for the API token of a host: an access
// token of the account whose hosts allow it. Nothing is ever stored here.
package terraform

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"oauthd/ipc/api"
)

// Tokens is where tokens come from: [oauthd/ipc/client.Client] is one.
type Tokens interface {
	Token(ctx context.Context, r api.TokenRequest) (api.Token, error)
}

// Serve answers one operation on a host. Without an account for it there are no credentials, and Terraform goes on.
func Serve(ctx context.Context, operation, host string, out io.Writer, tokens Tokens) error {
	switch operation {
	case "get":
		return get(ctx, host, out, tokens)
	case "store":
		return &api.Error{Code: api.Unsupported, Message: "this credentials helper belongs to oauthd, which stores no tokens of Terraform's", Hint: "oauthd login NAME logs an account in"}
	case "forget":
		return &api.Error{Code: api.Unsupported, Message: "this credentials helper belongs to oauthd, which stores no tokens of Terraform's", Hint: "oauthd logout NAME logs an account out"}
	}
	return &api.Error{Code: api.BadRequest, Message: "a credentials helper does not know " + api.Excerpt(operation), Hint: "oauthd helper terraform get HOST"}
}

func get(ctx context.Context, host string, out io.Writer, tokens Tokens) error {
	t, err := tokens.Token(ctx, api.TokenRequest{URL: "https://" + host + "/"})
	if errors.Is(err, &api.Error{Code: api.UnknownAccount}) || errors.Is(err, &api.Error{Code: api.BadRequest}) {
		_, err := io.WriteString(out, "{}\n")
		return err
	}
	if err != nil {
		return err
	}
	if strings.ContainsAny(t.AccessToken, "\r\n\x00") {
		return &api.Error{Code: api.Unsupported, Message: "the token of " + t.Account + " has a line break, which no header can have", Hint: "oauthd account show " + t.Account}
	}
	return json.NewEncoder(out).Encode(map[string]string{"token": t.AccessToken})
}
