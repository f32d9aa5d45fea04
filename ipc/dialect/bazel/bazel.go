// Package bazel speaks the credential helper protocol of Bazel and other build systems
// (github.com/EngFlow/credential-helper-spec): a URI in, the headers of its requests out. They have an access token of the
// account whose hosts allow the URI. Nothing is ever stored here.
package bazel

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"time"

	"oauthd/ipc/api"
)

// mostInput is how long a request may be, in bytes.
const mostInput = 64 << 10

// Tokens is where tokens come from: [oauthd/ipc/client.Client] is one.
type Tokens interface {
	Token(ctx context.Context, r api.TokenRequest) (api.Token, error)
}

type response struct {
	Headers map[string][]string `json:"headers"`
	// Expires is when Bazel has to ask again (RFC 3339); "" leaves that to its configuration.
	Expires string `json:"expires,omitempty"`
}

// Serve answers one command. Without an account for the URI there are no headers, and the build goes on; an error ends it.
func Serve(ctx context.Context, command string, in io.Reader, out io.Writer, tokens Tokens) error {
	if command != "get" {
		return &api.Error{Code: api.BadRequest, Message: "a credential helper does not know " + api.Excerpt(command), Hint: `echo '{"uri":"URL"}' | oauthd helper bazel get`}
	}
	var request struct {
		URI string `json:"uri"`
	}
	if json.NewDecoder(io.LimitReader(in, mostInput)).Decode(&request) != nil || request.URI == "" {
		return &api.Error{Code: api.BadRequest, Message: "the request for a credential cannot be read", Hint: `echo '{"uri":"URL"}' | oauthd helper bazel get`}
	}
	t, err := tokens.Token(ctx, api.TokenRequest{URL: overHTTP(request.URI)})
	if errors.Is(err, &api.Error{Code: api.UnknownAccount}) || errors.Is(err, &api.Error{Code: api.BadRequest}) {
		return json.NewEncoder(out).Encode(response{Headers: map[string][]string{}})
	}
	if err != nil {
		return err
	}
	if strings.ContainsAny(t.AccessToken, "\r\n\x00") {
		return &api.Error{Code: api.Unsupported, Message: "the token of " + t.Account + " has a line break, which no header can have", Hint: "oauthd account show " + t.Account}
	}
	r := response{Headers: map[string][]string{"Authorization": {"Bearer " + t.AccessToken}}}
	if t.ExpiresAt != nil {
		r.Expires = t.ExpiresAt.UTC().Format(time.RFC3339)
	}
	return json.NewEncoder(out).Encode(r)
}

// overHTTP is a URI as accounts name places: gRPC is HTTP/2.
func overHTTP(uri string) string {
	scheme, rest, ok := strings.Cut(uri, "://")
	switch {
	case ok && strings.EqualFold(scheme, "grpcs"):
		return "https://" + rest
	case ok && strings.EqualFold(scheme, "grpc"):
		return "http://" + rest
	}
	return uri
}
