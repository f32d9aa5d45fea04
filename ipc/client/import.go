package client

import (
	"context"
	"encoding/json"
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
	silent := &api.Error{Code: api.Internal, Message: "the daemon ended the import without a result",
		Hint: "oauthd status says whether the account is there"}
	_, err = stream(ctx, c, http.MethodPost, api.PathImport, "", body, silent, func(e api.ImportEvent) (more bool, err error) {
		return e.Event != api.EventDone && e.Event != api.EventLoginNeeded, events(e)
	})
	return err
}
