package client

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"net/http"
	"net/url"

	"oauthd/ipc/api"
)

// Watch tells how an account is, every account for "", and then every new token and every change, until ctx ends, which
// ends the sequence without an error, or the caller stops. An error is the sequence's last element: [api.NoDaemon] when
// the daemon has ended; another Watch then begins with everything as it is. Who reads too slowly is dropped by the
// daemon, with [api.Busy].
func (c *Client) Watch(ctx context.Context, account string) iter.Seq2[api.WatchEvent, error] {
	return func(yield func(api.WatchEvent, error) bool) {
		err := c.watch(ctx, account, func(e api.WatchEvent) bool { return yield(e, nil) })
		if err != nil && ctx.Err() == nil {
			yield(api.WatchEvent{}, err)
		}
	}
}

// watch hands events to each until it returns false.
func (c *Client) watch(ctx context.Context, account string, each func(api.WatchEvent) bool) error {
	path := api.PathWatch
	if account != "" {
		if err := api.CheckAccountName(account); err != nil {
			return err
		}
		path += "?account=" + url.QueryEscape(account)
	}
	// Ending the context closes the connection, which is how the daemon learns that nobody watches any longer.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	resp, err := c.send(ctx, http.MethodGet, path, "", nil)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	stream := json.NewDecoder(resp.Body)
	for {
		var event api.WatchEvent
		var syntax *json.SyntaxError
		var wrongType *json.UnmarshalTypeError
		switch err := stream.Decode(&event); {
		case errors.Is(err, io.EOF):
			return &api.Error{Code: api.NoDaemon, Message: "the daemon has ended", Hint: "start one with oauthd serve"}
		case errors.As(err, &syntax), errors.As(err, &wrongType):
			return malformed()
		case err != nil:
			return cutShort(ctx, err)
		case event.Event == api.EventError && event.Error != nil:
			return event.Error
		case !each(event):
			return nil
		}
	}
}

// Reload has the daemon read its configuration again. An error means that nothing was taken over.
func (c *Client) Reload(ctx context.Context) (api.ReloadResult, error) {
	var r api.ReloadResult
	err := c.call(ctx, http.MethodPost, api.PathReload, "", &r)
	return r, err
}
