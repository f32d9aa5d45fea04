// Package aws gets the temporary credentials of a role from AWS for an account's ID token (AssumeRoleWithWebIdentity), and
// prints them as AWS' libraries read them from a credential_process
// (https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html). Nothing is ever stored.
package aws

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"

	"oauthd/ipc/api"
)

// Tokens is where ID tokens come from: [oauthd/ipc/client.Client] is one.
type Tokens interface {
	Token(ctx context.Context, r api.TokenRequest) (api.Token, error)
}

// Role is what is assumed, and where.
type Role struct {
	// Account is the account whose ID token AWS gets.
	Account string `json:"account"`
	ARN     string `json:"arn"`
	// Session names the session in AWS' logs; "" means one after the account.
	Session string `json:"session,omitempty"`
	// Region is where the endpoint is; "" means the one for all regions.
	Region string `json:"region,omitempty"`
	// Endpoint is the URL of AWS' Security Token Service; "" means the region's.
	Endpoint string `json:"endpoint,omitempty"`
}

// Credentials are temporary ones of a role.
type Credentials struct {
	AccessKeyID     string
	SecretAccessKey string
	SessionToken    string
	Expiration      time.Time
}

// answer is what a credential_process prints.
type answer struct {
	Version         int
	AccessKeyID     string `json:"AccessKeyId"`
	SecretAccessKey string
	SessionToken    string
	Expiration      time.Time
}

// Serve answers one run of a credential_process. An error is for a person to see: AWS' libraries pass on what is written
// to standard error.
func Serve(ctx context.Context, role Role, out io.Writer, tokens Tokens) error {
	c, err := Assume(ctx, http.DefaultTransport, role, tokens)
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(answer{1, c.AccessKeyID, c.SecretAccessKey, c.SessionToken, c.Expiration.UTC()})
}

// Check reports whether role can be one.
func (r Role) Check() error {
	switch parts := strings.SplitN(r.ARN, ":", 6); {
	case len(parts) != 6, parts[0] != "arn", parts[2] != "iam", !strings.HasPrefix(parts[5], "role/"), !printable(r.ARN):
		return badRequest(api.Excerpt(r.ARN)+" is not the ARN of a role", "--role arn:aws:iam::123456789012:role/NAME")
	case !isSession(r.SessionName()):
		return badRequest(api.Excerpt(r.Session)+" is not the name of a session", "AWS_ROLE_SESSION_NAME takes 2 to 64 letters, digits and characters of +=,.@_-")
	case strings.Trim(r.Region, "abcdefghijklmnopqrstuvwxyz0123456789-") != "":
		return badRequest(api.Excerpt(r.Region)+" is not a region", "--region eu-central-1")
	}
	_, err := r.endpoint()
	return err
}

// SessionName returns the session's name, which has at least two characters.
func (r Role) SessionName() string {
	switch {
	case r.Session != "":
		return r.Session
	case len(r.Account) < 2:
		return "oauthd-" + r.Account
	}
	return r.Account
}

func isSession(name string) bool {
	const more = "+=,.@_-"
	return len(name) >= 2 && len(name) <= 64 && !strings.ContainsFunc(name, func(c rune) bool {
		return !('a' <= c && c <= 'z') && !('A' <= c && c <= 'Z') && !('0' <= c && c <= '9') && !strings.ContainsRune(more, c)
	})
}

// printable reports whether text is made of ASCII's visible characters, so that it can be sent in a header or a line.
func printable(text string) bool {
	return text != "" && !strings.ContainsFunc(text, func(c rune) bool { return c <= ' ' || c > '~' })
}

func badRequest(message, hint string) *api.Error {
	return &api.Error{Code: api.BadRequest, Message: message, Hint: hint}
}
