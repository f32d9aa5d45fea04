// Package az answers as Azure's command line does to the one command by which Azure's libraries and many scripts get a
// token: az account get-access-token (https://learn.microsoft.com/cli/azure/account). Everything else is left to the real
// az.
package az

import (
	"context"
	"encoding/json"
	"io"
	"strings"
	"time"

	"oauthd/ipc/api"
)

// unknownTTL is how long a token is said to live if nobody knows: so short that every library asks again.
const unknownTTL = time.Minute

// Tokens is where tokens come from: [oauthd/ipc/client.Client] is one.
type Tokens interface {
	Match(ctx context.Context, place, user string) (api.Match, error)
	Token(ctx context.Context, r api.TokenRequest) (api.Token, error)
}

// answer is what az prints about a token.
type answer struct {
	AccessToken string `json:"accessToken"`
	// ExpiresOn is local time without a zone, which old versions of the libraries read, and Expires the time since 1970 in
	// seconds.
	ExpiresOn string `json:"expiresOn"`
	Expires   int64  `json:"expires_on"`
	TokenType string `json:"tokenType"`
}

// Answers reports whether a command line of az is one that [Serve] answers.
func Answers(args []string) bool {
	return len(args) >= 2 && args[0] == "account" && args[1] == "get-access-token"
}

// Serve answers one command line. If account is "", the account is the one whose hosts allow the resource. Times are
// written as of location. An error is for a person to see: the libraries pass on what is written to standard error.
func Serve(ctx context.Context, args []string, account string, location *time.Location, out io.Writer, tokens Tokens) error {
	if !Answers(args) {
		return badRequest("oauthd answers az account get-access-token alone")
	}
	r, err := read(args[2:])
	if err != nil {
		return err
	}
	if account == "" {
		m, err := tokens.Match(ctx, r.place(), "")
		if err != nil {
			return err
		}
		account = m.Account
	}
	t, err := tokens.Token(ctx, api.TokenRequest{Account: account, Scope: r.scope})
	if err != nil {
		return err
	}
	if strings.IndexFunc(t.AccessToken, func(c rune) bool { return c <= ' ' || c > '~' }) >= 0 {
		return &api.Error{Code: api.ProviderRejected, Message: "the provider's token has a character that no token may have", Hint: "log in again: oauthd login " + account}
	}
	expires := time.Now().Add(unknownTTL)
	if t.ExpiresAt != nil {
		expires = *t.ExpiresAt
	}
	return r.write(out, answer{t.AccessToken, expires.In(location).Format("2006-01-02 15:04:05.000000"), expires.Unix(), "Bearer"})
}

// write writes the answer, or of it what --query names, as --output says.
func (r request) write(out io.Writer, a answer) error {
	text, err := json.MarshalIndent(a, "", "  ")
	if err != nil {
		return err
	}
	if r.query != "" {
		var fields map[string]json.RawMessage
		if err := json.Unmarshal(text, &fields); err != nil {
			return err
		}
		one, ok := fields[r.query]
		if !ok {
			return badRequest("--query " + api.Excerpt(r.query) + " is not one of accessToken, expiresOn, expires_on, tokenType")
		}
		text = one
	}
	if r.output == outputTSV {
		var plain string
		if json.Unmarshal(text, &plain) == nil {
			text = []byte(plain)
		}
	}
	_, err = out.Write(append(text, '\n'))
	return err
}

func badRequest(message string) *api.Error {
	return &api.Error{Code: api.BadRequest, Message: message, Hint: "az account get-access-token --resource URL [--query accessToken] [--output json|tsv]"}
}
