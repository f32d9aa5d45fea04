// Package goauth answers the go command, which runs the commands in GOAUTH for the headers of its HTTPS requests ("go help
// goauth"): an access token of the account whose hosts allow the URL. Nothing is ever stored here.
//
// The go command asks once without a URL, before its first request, and again with the URL of each request that is
// answered with a status of 4xx. The first time it gets the tokens of the hosts that are named in its configuration, and
// no others: those of all accounts would be more than it needs.
package goauth

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"oauthd/ipc/api"
)

// mostInput is how much of a response's head is read, in bytes.
const mostInput = 256 << 10

// Tokens is where tokens come from: [oauthd/ipc/client.Client] is one.
type Tokens interface {
	Match(ctx context.Context, place, user string) (api.Match, error)
	Token(ctx context.Context, r api.TokenRequest) (api.Token, error)
}

// First answers the request without a URL, with the tokens of those hosts.
func First(ctx context.Context, hosts []string, out io.Writer, tokens Tokens) error {
	var answer strings.Builder
	for _, host := range hosts {
		credentials, err := credentialsFor(ctx, URL(host), false, tokens)
		if err != nil {
			return err
		}
		answer.WriteString(credentials)
	}
	_, err := io.WriteString(out, answer.String())
	return err
}

// Again answers the request for a URL whose response, the head of which in has, was a status of 4xx. Only if that refuses
// a token that was sent, the provider is asked for another: a 404 is a module that is not there, and most often the go
// command has sent no token yet. It has if the URL is on one of the hosts that [First] answered for, or if the response
// says so.
func Again(ctx context.Context, hosts []string, place string, in io.Reader, out io.Writer, tokens Tokens) error {
	credentials, err := credentialsFor(ctx, place, refused(hosts, place, in), tokens)
	if err != nil {
		return err
	}
	_, err = io.WriteString(out, credentials)
	return err
}

// URL is the URL of a host, or of a place on it, as a person names it.
func URL(host string) string {
	if strings.Contains(host, "://") {
		return host
	}
	return "https://" + host
}

// refused reports whether a response's head says that a token was sent and not taken.
func refused(hosts []string, place string, head io.Reader) bool {
	resp, err := http.ReadResponse(bufio.NewReader(io.LimitReader(head, mostInput)), nil)
	if err != nil || resp.StatusCode != http.StatusUnauthorized && resp.StatusCode != http.StatusForbidden {
		return false
	}
	challenges := strings.Join(resp.Header.Values("WWW-Authenticate"), ", ")
	if strings.Contains(challenges, "insufficient_scope") {
		return false // another token would be no better
	}
	return strings.Contains(challenges, "invalid_token") || // RFC 6750 §3.1
		slices.ContainsFunc(hosts, func(host string) bool { return within(place, URL(host)) })
}

// within reports whether a URL is that of a place, or below it.
func within(place, above string) bool {
	rest, ok := strings.CutPrefix(place, strings.TrimSuffix(above, "/"))
	return ok && (rest == "" || rest[0] == '/' || rest[0] == '?')
}

// credentialsFor returns a credential set for a URL and all else that the account's pattern allows on its host; "" if no
// account answers. What is left of the pattern decides how often the go command asks again.
func credentialsFor(ctx context.Context, place string, force bool, tokens Tokens) (string, error) {
	u, err := url.Parse(place)
	if err != nil || u.Scheme != "https" || u.Host == "" {
		return "", nil // the go command would not take it
	}
	m, err := tokens.Match(ctx, place, "")
	if errors.Is(err, &api.Error{Code: api.UnknownAccount}) || errors.Is(err, &api.Error{Code: api.BadRequest}) {
		return "", nil // for the next command in GOAUTH to answer
	}
	if err != nil {
		return "", err
	}
	t, err := tokens.Token(ctx, api.TokenRequest{Account: m.Account, Force: force})
	if err != nil {
		return "", err
	}
	if strings.ContainsAny(t.AccessToken, "\r\n\x00") {
		return "", &api.Error{Code: api.Unsupported, Message: "the token of " + m.Account + " has a line break, which no header can have",
			Hint: "oauthd account show " + m.Account}
	}
	return "https://" + u.Host + pathOf(m.Pattern) + "\n\nAuthorization: Bearer " + t.AccessToken + "\n\n", nil
}

// pathOf is the path in a pattern; "" if it is a host alone.
func pathOf(pattern string) string {
	if _, rest, ok := strings.Cut(pattern, "://"); ok {
		pattern = rest
	}
	if i := strings.IndexByte(pattern, '/'); i >= 0 {
		return strings.TrimSuffix(pattern[i:], "/")
	}
	return ""
}
