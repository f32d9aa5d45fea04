// Package cargo speaks cargo's credential provider protocol: a line of JSON from cargo for each registry, and one back. cargo
// gets an access token of the account whose hosts allow the registry's index. Nothing is ever stored here.
package cargo

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"oauthd/ipc/api"
)

// mostInput is how long a request may be, in bytes: it has all headers of a registry's answer.
const mostInput = 1 << 20

// hello says which versions of the protocol are spoken.
const hello = `{"v":[1]}` + "\n"

// Tokens is where tokens come from: [oauthd/ipc/client.Client] is one.
type Tokens interface {
	Token(ctx context.Context, r api.TokenRequest) (api.Token, error)
}

type request struct {
	Version  int    `json:"v"`
	Kind     string `json:"kind"`
	Registry struct {
		IndexURL string `json:"index-url"`
	} `json:"registry"`
}

// response has one of its members.
type response struct {
	Ok  *credential `json:",omitempty"`
	Err *failure    `json:",omitempty"`
}

type credential struct {
	Kind  string `json:"kind"`
	Token string `json:"token"`
	// Cache is "expires" with an Expiration, or "never".
	Cache                string `json:"cache"`
	Expiration           int64  `json:"expiration,omitempty"`
	OperationIndependent bool   `json:"operation_independent"`
}

type failure struct {
	Kind    string `json:"kind"`
	Message string `json:"message,omitempty"`
}

// Serve answers cargo's requests until there are no more. What goes wrong is in an answer, which cargo shows; an error
// means that there was none to give.
func Serve(ctx context.Context, in io.Reader, out io.Writer, tokens Tokens) error {
	if _, err := io.WriteString(out, hello); err != nil {
		return err
	}
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, mostInput)
	for lines.Scan() {
		var r request
		if json.Unmarshal(lines.Bytes(), &r) != nil {
			return malformed()
		}
		if err := json.NewEncoder(out).Encode(answer(ctx, r, tokens)); err != nil {
			return err
		}
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		return malformed()
	}
	return lines.Err()
}

func malformed() error {
	return &api.Error{Code: api.BadRequest, Message: "cargo's request cannot be read", Hint: "cargo itself runs this: oauthd help build shows how"}
}

func answer(ctx context.Context, r request, tokens Tokens) response {
	switch {
	case r.Version != 1:
		return response{Err: &failure{"other", "oauthd speaks version 1 of cargo's protocol alone"}}
	case !strings.HasPrefix(r.Registry.IndexURL, "sparse+"):
		// cargo's own registry is one of these: it is named by its index on GitHub, and a token for GitHub must not go there.
		return response{Err: &failure{Kind: "url-not-supported"}}
	case r.Kind != "get": // login and logout are the next provider's
		return response{Err: &failure{Kind: "operation-not-supported"}}
	}
	t, err := tokens.Token(ctx, api.TokenRequest{URL: strings.TrimPrefix(r.Registry.IndexURL, "sparse+")})
	switch {
	case errors.Is(err, &api.Error{Code: api.UnknownAccount}), errors.Is(err, &api.Error{Code: api.BadRequest}):
		return response{Err: &failure{Kind: "url-not-supported"}} // another provider's to answer
	case err != nil:
		return response{Err: &failure{"other", message(err)}}
	case strings.ContainsAny(t.AccessToken, "\r\n\x00"):
		return response{Err: &failure{"other", "the token of " + t.Account + " has a line break, which no header can have\nhint: oauthd account show " + t.Account}}
	}
	c := &credential{Kind: "get", Token: "Bearer " + t.AccessToken, Cache: "never", OperationIndependent: true}
	if t.ExpiresAt != nil {
		c.Cache, c.Expiration = "expires", t.ExpiresAt.Unix()
	}
	return response{Ok: c}
}

// message is an error for a person to see, in the text of cargo's own.
func message(err error) string {
	var known *api.Error
	if !errors.As(err, &known) {
		return api.Excerpt(err.Error())
	}
	if known.Hint == "" {
		return known.Message
	}
	return known.Message + "\nhint: " + known.Hint
}
