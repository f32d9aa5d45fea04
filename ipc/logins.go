package ipc

import (
	"bytes"
	"context"
	"fmt"

	"oauthd/ipc/api"
)

// Logins authorizes accounts.
type Logins interface {
	// Login runs one login to its end. Its context ends when the connection closes or the server stops; the server sets
	// no deadline. Events are sent from Login's own goroutine, never after Login has returned; an error that Login
	// returns becomes the error event.
	Login(ctx context.Context, name string, def api.AccountDefinition, events func(api.LoginEvent)) error
	// Callback passes the authorization response that a person pasted to a login, which id names by its own id or by
	// its account. An error says what is wrong with the response; the login goes on waiting.
	Callback(ctx context.Context, id, pasted string) error
	// CancelLogin ends the login of an account that waits for its person.
	CancelLogin(ctx context.Context, name string) error
}

// maxDefinition is the largest body of a login request, in bytes; it may hold a client_secrets file or a private key.
const maxDefinition = 1 << 20

func (sv *serving) loginRoutes() []route {
	if sv.cfg.Backend.Logins == nil {
		return nil
	}
	return []route{
		{method: "POST", path: api.PathLogin, body: maxDefinition, serve: sv.postLogin, stream: true},
		{method: "DELETE", path: api.PathLogin, serve: sv.deleteLogin},
		{method: "POST", path: api.PathCallback, body: maxTokenRequest, serve: sv.postCallback},
	}
}

// postLogin runs a login and sends its events as they come.
func (sv *serving) postLogin(ctx context.Context, c *call) error {
	// A connection that is kept keeps its buffer, with the secrets of the definition in it.
	c.w.Header().Set("Connection", "close")
	def, err := decodeDefinition(c.body)
	if err != nil {
		return err
	}
	return sv.stream(ctx, c, c.account, func(ctx context.Context, events func(any)) error {
		return sv.cfg.Backend.Logins.Login(ctx, c.account, def, func(e api.LoginEvent) { events(e) })
	})
}

func (sv *serving) deleteLogin(ctx context.Context, c *call) error {
	return c.answer(nothing{}, sv.cfg.Backend.Logins.CancelLogin(ctx, c.account))
}

// decodeDefinition reads the body of a login request; an empty one changes nothing.
func decodeDefinition(data []byte) (api.AccountDefinition, error) {
	var d api.AccountDefinition
	if len(bytes.TrimSpace(data)) == 0 {
		return d, nil
	}
	if err := decodeStrict(data, &d, fieldsOf[api.AccountDefinition]()); err != nil {
		return d, err
	}
	const longest = 24 * 60 * 60
	if d.Timeout < 0 || d.Timeout > longest {
		return d, badRequest(fmt.Sprintf("timeout must be a number of seconds from 0 to %d", longest), "leave it out for five minutes")
	}
	return d, nil
}

func (sv *serving) postCallback(ctx context.Context, c *call) error {
	var pasted api.Callback
	if err := decodeStrict(c.body, &pasted, fieldsOf[api.Callback]()); err != nil {
		return err
	}
	return c.answer(nothing{}, sv.cfg.Backend.Logins.Callback(ctx, c.r.PathValue("id"), string(pasted.URL)))
}
