// Package googleexternal answers Google's client libraries as the executable of an external account (workload and workforce
// identity federation): with the ID token of another provider, which they exchange at Google's token service.
package googleexternal

import (
	"context"
	"encoding/json"
	"io"
	"strings"

	"oauthd/ipc/api"
)

// Token types (RFC 8693 §3).
const (
	typeIDToken = "urn:ietf:params:oauth:token-type:id_token"
	typeJWT     = "urn:ietf:params:oauth:token-type:jwt"
)

// Tokens is where tokens come from: [oauthd/ipc/client.Client] is one.
type Tokens interface {
	Token(ctx context.Context, r api.TokenRequest) (api.Token, error)
}

// Request is what a library asks, by variables named GOOGLE_EXTERNAL_ACCOUNT_ and these words.
type Request struct {
	Account string
	// TokenType is TOKEN_TYPE; "" means an ID token.
	TokenType string
	// Interactive is true for INTERACTIVE=1: a person is at the library's terminal.
	Interactive bool
	// Revoke is true for REVOKE=1: the library's user wants to log out.
	Revoke bool
}

// response is the answer. A library takes a failure's code and message for the text of its error.
type response struct {
	Version        int    `json:"version"`
	Success        bool   `json:"success"`
	TokenType      string `json:"token_type,omitempty"`
	IDToken        string `json:"id_token,omitempty"`
	ExpirationTime int64  `json:"expiration_time,omitempty"`
	Code           string `json:"code,omitempty"`
	Message        string `json:"message,omitempty"`
}

// Serve writes the answer: the account's ID token, or why there is none. That is an answer too, so the error is one of out.
func Serve(ctx context.Context, r Request, out io.Writer, tokens Tokens) error {
	answer, err := answer(ctx, r, tokens)
	if err != nil {
		e := api.AsError(err)
		answer = response{Version: 1, Code: string(e.Code), Message: e.Line()}
	}
	return json.NewEncoder(out).Encode(answer)
}

func answer(ctx context.Context, r Request, tokens Tokens) (response, error) {
	if r.Revoke {
		return response{}, &api.Error{Code: api.Unsupported, Message: "the login of " + r.Account + " serves other programs too", Hint: "oauthd logout " + r.Account + " ends it"}
	}
	if r.TokenType == "" {
		r.TokenType = typeIDToken
	}
	if r.TokenType != typeIDToken && r.TokenType != typeJWT {
		return response{}, &api.Error{Code: api.Unsupported, Message: "oauthd has no token of the type " + api.Excerpt(r.TokenType),
			Hint: "create the credential configuration with --subject-token-type=" + typeIDToken}
	}
	t, err := tokens.Token(ctx, api.TokenRequest{Account: r.Account, IDToken: true, Interactive: r.Interactive})
	switch {
	case err != nil:
		return response{}, err
	case t.IDToken == "" || strings.ContainsAny(t.IDToken, "\r\n\x00"):
		return response{}, &api.Error{Code: api.Unsupported, Message: "the provider of " + r.Account + " gave no ID token", Hint: "oauthd login " + r.Account + " --scope openid"}
	}
	a := response{Version: 1, Success: true, TokenType: r.TokenType, IDToken: t.IDToken}
	if t.IDTokenExpiresAt != nil {
		a.ExpirationTime = t.IDTokenExpiresAt.Unix()
	}
	return a, nil
}
