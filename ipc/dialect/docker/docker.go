// Package docker speaks the protocol of docker's credential helpers (github.com/docker/docker-credential-helpers), which
// podman, skopeo, buildah, helm, oras and others speak too: they ask for the user name and password of a registry, and get
// an access token of the account whose hosts allow it. Nothing is ever stored here.
package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"oauthd/ipc/api"
	"oauthd/ipc/match"

	"github.com/docker/docker-credential-helpers/credentials"
)

// mostInput is how much a request may have, in bytes.
const mostInput = 64 << 10

// ErrNotFound means that no account answers for the registry. The program has been told so, and goes on without us.
var ErrNotFound = credentials.NewErrCredentialsNotFound()

// Tokens is where tokens come from: [oauthd/ipc/client.Client] is one.
type Tokens interface {
	Match(ctx context.Context, place, user string) (api.Match, error)
	Token(ctx context.Context, r api.TokenRequest) (api.Token, error)
	Account(ctx context.Context, name string) (api.Account, error)
	Accounts(ctx context.Context) ([]api.Account, error)
}

// Serve answers one operation: get, store, erase or list. What went wrong is written too, in one line, because the
// programs take what a helper has written for the reason; the error says it to a person. It is [ErrNotFound] if no account
// answers for the registry.
func Serve(ctx context.Context, operation string, in io.Reader, out io.Writer, tokens Tokens) error {
	return serve(&helper{ctx, tokens, direct()}, operation, in, out)
}

func serve(h *helper, operation string, in io.Reader, out io.Writer) error {
	err := credentials.HandleCommand(h, operation, io.LimitReader(in, mostInput), out)
	if err == nil || errors.Is(err, ErrNotFound) {
		if err != nil {
			_, _ = fmt.Fprintln(out, err)
		}
		return err
	}
	var known *api.Error
	if !errors.As(err, &known) {
		known = (&api.Error{Code: api.BadRequest, Message: "docker's request cannot be read: " + api.Excerpt(err.Error()),
			Hint: "docker-credential-oauthd is run by docker, podman, skopeo and the like"}).Because(err)
	}
	_, _ = fmt.Fprintln(out, known.Line())
	return known
}

// helper implements [credentials.Helper] for one request, which is why it has the request's context.
type helper struct {
	ctx    context.Context
	tokens Tokens
	web    *http.Client // for Azure's registries
}

var _ credentials.Helper = (*helper)(nil)

// Get returns the credential for a registry: a host, with or without a port, or a URL like https://host/v1/.
func (h *helper) Get(server string) (user, secret string, err error) {
	t, err := ask(server, func(place string) (api.Token, error) {
		return h.tokens.Token(h.ctx, api.TokenRequest{URL: place})
	})
	if err != nil {
		return "", "", err
	}
	secret = t.AccessToken
	if host := hostOf(server); isAzure(host) {
		if secret, err = exchange(h.ctx, h.web, host, t); err != nil {
			return "", "", err
		}
	}
	if user, err = h.user(server, t.Account); err != nil {
		return "", "", err
	}
	if strings.ContainsAny(user+secret, "\r\n\x00") {
		return "", "", &api.Error{Code: api.Unsupported, Message: "the token of " + t.Account + " has a line break, which no registry can take", Hint: "oauthd account show " + t.Account}
	}
	return user, secret, nil
}

// Add is asked to save what a person has typed at docker login, and refuses. Only what came from here, which docker login
// sends back after it has tried it, needs no saving.
func (h *helper) Add(c *credentials.Credentials) error {
	refusal := &api.Error{Code: api.Unsupported, Message: "oauthd stores no passwords, so the one for " + api.Excerpt(c.ServerURL) + " was not saved",
		Hint: "for docker to save it, oauthd helper uninstall docker, and log in again"}
	m, err := h.match(c.ServerURL)
	if errors.Is(err, ErrNotFound) {
		return refusal
	}
	if err != nil {
		return err
	}
	t, err := h.tokens.Token(h.ctx, api.TokenRequest{Account: m.Account})
	if err == nil && t.AccessToken == c.Secret {
		return nil
	}
	refusal.Hint = "the account " + m.Account + " answers for it, without docker login"
	return refusal
}

// Delete is asked to forget a registry. There is nothing to forget; but the login of an account has not ended either.
func (h *helper) Delete(server string) error {
	m, err := h.match(server)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return &api.Error{Code: api.Unsupported, Message: "the account " + m.Account + " goes on answering for " + api.Excerpt(server),
		Hint: "oauthd logout " + m.Account + " ends its login"}
}

// List returns the registries that accounts have in their hosts, and their user names.
func (h *helper) List() (map[string]string, error) {
	accounts, err := h.tokens.Accounts(h.ctx)
	if err != nil {
		return nil, err
	}
	list := map[string]string{}
	for _, a := range accounts {
		for _, host := range Hosts(a) {
			if _, twice := list[host]; !twice {
				list[host] = userFor(host, a)
			}
		}
	}
	return list, nil
}

func (h *helper) match(server string) (api.Match, error) {
	return ask(server, func(place string) (api.Match, error) { return h.tokens.Match(h.ctx, place, "") })
}

// user is the user name that a registry wants beside a token of an account.
func (h *helper) user(server, account string) (string, error) {
	if user := userAt(hostOf(server)); user != "" {
		return user, nil
	}
	a, err := h.tokens.Account(h.ctx, account)
	if err != nil {
		return "", err
	}
	return userFor(server, a), nil
}

// ask asks about a registry. Its name does not say how it is reached: programs use https unless they were told otherwise,
// and plain http only for this machine. The error is [ErrNotFound] if no account answers for it.
func ask[T any](server string, about func(place string) (T, error)) (T, error) {
	answer, err := about(server)
	if errors.Is(err, &api.Error{Code: api.UnknownAccount}) && !strings.Contains(server, "://") && match.Loopback(hostOf(server)) {
		answer, err = about("http://" + server)
	}
	if errors.Is(err, &api.Error{Code: api.UnknownAccount}) || errors.Is(err, &api.Error{Code: api.BadRequest}) {
		err = ErrNotFound
	}
	return answer, err
}

// hostOf is the host in a registry's name, without its port; "" if it has none.
func hostOf(server string) string {
	if !strings.Contains(server, "://") {
		server = "https://" + server
	}
	u, err := url.Parse(server)
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
}
