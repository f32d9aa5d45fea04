package client

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"oauthd/ipc/api"
)

// told is an event of a stream; only error events carry an error.
type told interface {
	api.LoginEvent | api.ImportEvent | api.WatchEvent | api.AuditEvent | api.HeldToken
}

// stream asks the daemon and hands each event of its answer to take, until that returns false or an error. An error event
// becomes stream's error; the end of the answer is silent. opened is true when the daemon began to answer.
func stream[E told](
	ctx context.Context, c *Client, method, path, name string, body []byte, silent *api.Error, take func(E) (more bool, err error),
) (opened bool, err error) {
	// Ending the context closes the connection, which is how the daemon learns that nobody waits any longer.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	open := func() (*http.Response, error) {
		defer c.waits(ctx)()
		return c.send(ctx, method, path, name, body)
	}
	resp, err := open()
	again, err := c.unlocked(ctx, err)
	if again {
		resp, err = open()
	}
	if err != nil {
		return false, err
	}
	defer func() { _ = resp.Body.Close() }()
	lines := json.NewDecoder(resp.Body)
	for {
		var line json.RawMessage
		var syntax *json.SyntaxError
		switch err := lines.Decode(&line); {
		case errors.Is(err, io.EOF):
			return true, silent
		case errors.As(err, &syntax):
			return true, malformed()
		case err != nil:
			return true, cutShort(ctx, err)
		}
		var ended struct {
			Event string     `json:"event"`
			Error *api.Error `json:"error"`
		}
		var event E
		switch {
		case json.Unmarshal(line, &ended) != nil, json.Unmarshal(line, &event) != nil:
			return true, malformed()
		case ended.Event == api.EventError && ended.Error == nil:
			return true, malformed()
		case ended.Event == api.EventError:
			return true, ended.Error
		}
		if more, err := take(event); !more || err != nil {
			return true, err
		}
	}
}
