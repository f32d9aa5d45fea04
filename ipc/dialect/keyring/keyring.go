// Package keyring answers as the program keyring, of the Python package of that name, does. pip and uv run it for the
// password of an index if they are told to (--keyring-provider subprocess), and get an access token of the account whose
// hosts allow the index. Nothing is ever stored here.
package keyring

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"oauthd/ipc/api"
)

// ErrNothing means that there is no password to give. keyring says nothing then, and its exit status is 1.
var ErrNothing = errors.New("keyring: no account answers for that")

// Tokens is where tokens come from: [oauthd/ipc/client.Client] is one.
type Tokens interface {
	Match(ctx context.Context, place, user string) (api.Match, error)
	Token(ctx context.Context, r api.TokenRequest) (api.Token, error)
}

// Request is a command line of keyring.
type Request struct {
	// Operation is get; set, del and others are refused.
	Operation string
	// Service is what the password is for: the URL of an index, or its host alone.
	Service string
	// User is the user name; it may be "" if Creds is true.
	User string
	// Creds is true if the user name is wanted too (--mode creds).
	Creds bool
	// JSON is true if JSON is wanted instead of lines (--output json).
	JSON bool
}

// credential is an answer, in the order of its lines.
type credential struct {
	Username string `json:"username,omitempty"`
	Password string `json:"password"`
}

// Serve answers one command line. The error is [ErrNothing] if no account answers for the place.
//
// pip and uv ask for the URL first, and then for its host alone. A host does not say that it is reached over https, so
// it gets nothing: a URL of plain http is refused, and the second question must not undo that.
func Serve(ctx context.Context, r Request, out io.Writer, tokens Tokens) error {
	switch r.Operation {
	case "get":
	case "set", "del":
		return &api.Error{Code: api.Unsupported, Message: "this keyring belongs to oauthd, which stores no passwords",
			Hint: "oauthd helper uninstall keyring leaves the name to another keyring"}
	default:
		return &api.Error{Code: api.BadRequest, Message: "this keyring belongs to oauthd and does not know " + api.Excerpt(r.Operation),
			Hint: "keyring get URL USER"}
	}
	if r.User == "" && !r.Creds {
		return &api.Error{Code: api.BadRequest, Message: "keyring get wants a user name too", Hint: "keyring get URL USER, or keyring --mode creds get URL"}
	}
	if !strings.Contains(r.Service, "://") {
		return ErrNothing
	}
	m, err := tokens.Match(ctx, r.Service, r.User)
	if errors.Is(err, &api.Error{Code: api.UnknownAccount}) {
		return ErrNothing
	}
	if err != nil {
		return err
	}
	t, err := tokens.Token(ctx, api.TokenRequest{Account: m.Account})
	if err != nil {
		return err
	}
	c := credential{Password: t.AccessToken}
	if r.Creds {
		c.Username = r.userName()
	}
	if strings.ContainsAny(c.Username+c.Password, "\r\n\x00") {
		return &api.Error{Code: api.Unsupported, Message: "the token of " + m.Account + " has a line break, which keyring cannot print", Hint: "oauthd account show " + m.Account}
	}
	return write(out, c, r.JSON)
}

func write(out io.Writer, c credential, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(out).Encode(c)
	}
	answer := c.Password + "\n"
	if c.Username != "" {
		answer = c.Username + "\n" + answer
	}
	_, err := io.WriteString(out, answer)
	return err
}

// userName is the user name that goes with a token: the request's, or else the one that the index wants.
func (r Request) userName() string {
	if r.User != "" {
		return r.User
	}
	_, rest, _ := strings.Cut(strings.ToLower(r.Service), "://")
	host, _, _ := strings.Cut(rest, "/")
	host = host[strings.LastIndexByte(host, '@')+1:]
	host, _, _ = strings.Cut(host, ":")
	switch {
	case strings.HasSuffix(host, ".pkg.dev"):
		return "oauth2accesstoken"
	case host == "pkgs.dev.azure.com", strings.HasSuffix(host, ".pkgs.visualstudio.com"):
		return "VssSessionToken"
	}
	return "__token__"
}
