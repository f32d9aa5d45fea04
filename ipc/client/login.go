package client

import (
	"context"
	"encoding/json"
	"net/http"

	"oauthd/ipc/api"
)

// Callback hands a waiting login the authorization response that a person copied from the browser. id is the login's id
// or its account's name. An error says what is wrong with it; the login goes on waiting.
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

// CancelLogin ends the login of an account that waits for its person, wherever it was started.
func (c *Client) CancelLogin(ctx context.Context, name string) error {
	if err := api.CheckAccountName(name); err != nil {
		return err
	}
	resp, err := c.send(ctx, http.MethodDelete, api.PathLogin, name, nil)
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
	silent := &api.Error{Code: api.LoginFailed, Message: "the daemon ended the login without a result", Hint: "try again"}
	_, err = stream(ctx, c, http.MethodPost, api.PathLogin, name, body, silent, func(e api.LoginEvent) (more bool, err error) {
		return e.Event != api.EventDone, events(e)
	})
	return err
}
