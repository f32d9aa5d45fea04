package client

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"oauthd/ipc/api"
)

// Import has the daemon take over what another tool has saved, and returns once that is done or needs a login. events
// is called, one call at a time, for every event but the error event, which becomes Import's error; an error that events
// returns ends the import, as the end of ctx does, unless the refresh token has been spent by then.
func (c *Client) Import(ctx context.Context, r api.ImportRequest, events func(api.ImportEvent) error) error {
	body, err := json.Marshal(r)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	resp, err := c.send(ctx, http.MethodPost, api.PathImport, "", body)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	stream := json.NewDecoder(resp.Body)
	for {
		var ev api.ImportEvent
		var syntax *json.SyntaxError
		var wrongType *json.UnmarshalTypeError
		switch err := stream.Decode(&ev); {
		case errors.Is(err, io.EOF):
			return &api.Error{Code: api.Internal, Message: "the daemon ended the import without a result",
				Hint: "oauthd status tells whether the account is there"}
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
		if ev.Event == api.EventDone || ev.Event == api.EventLoginNeeded {
			return nil
		}
	}
}
