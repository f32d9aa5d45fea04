package client

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"oauthd/ipc/api"
)

// Callback hands a waiting login the authorization response that a person copied from the browser. id is the login's id
// or its account's name. An error tells what is wrong with it; the login goes on waiting.
func (c *Client) Callback(ctx context.Context, id, pasted string) error {
	body, err := json.Marshal(api.Callback{URL: api.Confidential(pasted)})
	if err != nil {
		return err
	}
	resp, err := c.send(ctx, http.MethodPost, api.PathCallback, id, body)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// Login authorizes an account and returns once it is authorized. events is called, one call at a time, for every event
// but the error event, which becomes Login's error; an error that events returns ends the login and is returned. The
// end of ctx ends the login. Login sets no deadline; def.Timeout does.
func (c *Client) Login(
	ctx context.Context, name string, def api.AccountDefinition, events func(api.LoginEvent) error,
) error {
	if err := api.CheckAccountName(name); err != nil {
		return err
	}
	body, err := json.Marshal(def)
	if err != nil {
		return err
	}
	// Ending the context closes the connection, which is how the daemon learns that nobody waits any longer.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	resp, err := c.send(ctx, http.MethodPost, api.PathLogin, name, body)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	stream := json.NewDecoder(resp.Body)
	for {
		var ev api.LoginEvent
		var syntax *json.SyntaxError
		var wrongType *json.UnmarshalTypeError
		switch err := stream.Decode(&ev); {
		case errors.Is(err, io.EOF):
			return &api.Error{Code: api.LoginFailed, Message: "the daemon ended the login without a result", Hint: "try again"}
		case errors.As(err, &syntax), errors.As(err, &wrongType):
			return malformed()
		case err != nil:
			return cutShort(ctx, err)
		}
		if ev.Event == api.EventError {
			if ev.Error == nil {
				return malformed()
			}
			return ev.Error
		}
		if err := events(ev); err != nil {
			return err
		}
		if ev.Event == api.EventDone {
			return nil
		}
	}
}
