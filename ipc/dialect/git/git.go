// Package git speaks git's credential helper protocol (gitcredentials(7), git-credential(1)): git asks for the user name and
// password of a host, and gets an access token of the account whose hosts allow that place. Nothing is ever stored here.
package git

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"oauthd/ipc/api"
)

// mostInput is how much a request may have, in bytes.
const mostInput = 64 << 10

// Tokens is where tokens come from: [oauthd/ipc/client.Client] is one.
type Tokens interface {
	Token(ctx context.Context, r api.TokenRequest) (api.Token, error)
}

// request is what git says about the credential that it wants, or has.
type request struct {
	protocol, host, path, username, password string
	// authtype is true if git takes an authtype and a credential (git 2.46).
	authtype bool
}

// Serve answers one operation: get, erase, store or capability. An operation that it does not know is ignored, as git asks
// of helpers. If no account answers for the place, nothing is written, and git goes on to its next helper. An error is one
// that a person has to see; git has then been told to ask for no password.
func Serve(ctx context.Context, operation string, in io.Reader, out io.Writer, tokens Tokens) error {
	switch operation {
	case "capability":
		_, err := io.WriteString(out, "version 0\ncapability authtype\n")
		return err
	case "get", "erase":
	default:
		return nil
	}
	r, err := read(in)
	if err != nil {
		return err
	}
	t, err := tokens.Token(ctx, api.TokenRequest{URL: r.url()})
	if errors.Is(err, &api.Error{Code: api.UnknownAccount}) || errors.Is(err, &api.Error{Code: api.BadRequest}) {
		return nil // another helper's, or the person's, to answer
	}
	if operation == "erase" {
		if err != nil {
			return nil
		}
		return erase(ctx, r, t, tokens)
	}
	if err == nil {
		err = r.answer(t, out)
	}
	if err != nil {
		_, _ = io.WriteString(out, "quit=1\n")
	}
	return err
}

// read reads a request. A value that could be taken for another line is refused (CVE-2020-5260, CVE-2024-52006).
func read(in io.Reader) (r request, err error) {
	lines := bufio.NewScanner(io.LimitReader(in, mostInput))
	lines.Buffer(nil, mostInput)
	lines.Split(splitLines)
	for lines.Scan() {
		line := lines.Text()
		if line == "" {
			break
		}
		key, value, ok := strings.Cut(line, "=")
		if !ok || strings.ContainsAny(line, "\r\x00") {
			return request{}, malformed()
		}
		switch key {
		case "protocol":
			r.protocol = value
		case "host":
			r.host = value
		case "path":
			r.path = value
		case "username":
			r.username = value
		case "password":
			r.password = value
		case "capability[]":
			r.authtype = r.authtype || value == "authtype"
		}
	}
	if lines.Err() != nil {
		return request{}, malformed()
	}
	return r, nil
}

// splitLines is bufio.ScanLines, except that it leaves carriage returns where they are.
func splitLines(data []byte, atEOF bool) (advance int, token []byte, err error) {
	if i := slices.Index(data, '\n'); i >= 0 {
		return i + 1, data[:i], nil
	}
	if atEOF && len(data) > 0 {
		return len(data), data, nil
	}
	return 0, nil, nil
}

func malformed() error {
	return &api.Error{Code: api.BadRequest, Message: "git's request cannot be read", Hint: "git credential fill shows what git asks"}
}

// url is the place that the credential is for, with the user name that decides between several accounts.
func (r request) url() string {
	user := ""
	if r.username != "" {
		user = url.User(r.username).String() + "@"
	}
	return r.protocol + "://" + user + r.host + "/" + r.path
}

// answer writes the credential: always as a user name and a password, and as an authorization header's if git takes that.
func (r request) answer(t api.Token, out io.Writer) error {
	user := r.username
	if user == "" {
		user = userFor(r.host)
	}
	if strings.ContainsAny(user+t.AccessToken, "\r\n\x00") {
		return &api.Error{Code: api.Unsupported, Message: "the token of " + t.Account + " has a line break, which git cannot take", Hint: "oauthd account show " + t.Account}
	}
	var answer strings.Builder
	if r.authtype {
		pair := base64.StdEncoding.EncodeToString([]byte(user + ":" + t.AccessToken))
		fmt.Fprintf(&answer, "capability[]=authtype\nauthtype=Basic\ncredential=%s\nephemeral=1\n", pair)
	}
	fmt.Fprintf(&answer, "username=%s\npassword=%s\n", user, t.AccessToken)
	if t.ExpiresAt != nil {
		fmt.Fprintf(&answer, "password_expiry_utc=%s\n", strconv.FormatInt(t.ExpiresAt.Unix(), 10))
	}
	_, err := io.WriteString(out, answer.String())
	return err
}

// userFor is the user name that a host wants beside a token.
func userFor(host string) string {
	name, _, _ := strings.Cut(strings.ToLower(host), ":")
	switch {
	case name == "github.com" || strings.HasSuffix(name, ".github.com"):
		return "x-access-token"
	case name == "bitbucket.org" || strings.HasSuffix(name, ".bitbucket.org"):
		return "x-token-auth"
	}
	return "oauth2"
}

// erase takes in that a host has refused a password. Only if that is the token at hand, the provider is asked for another:
// an old one was refused rightly.
func erase(ctx context.Context, r request, t api.Token, tokens Tokens) error {
	if r.password == "" || t.AccessToken != r.password {
		return nil
	}
	_, err := tokens.Token(ctx, api.TokenRequest{Account: t.Account, Force: true})
	return err
}
