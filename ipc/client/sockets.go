package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"

	"oauthd/ipc/api"
)

// Sockets returns the restricted sockets that are served, by path.
func (c *Client) Sockets(ctx context.Context) (all []api.Socket, err error) {
	err = c.call(ctx, http.MethodGet, api.PathSockets, "", &all)
	return all, err
}

// AddSocket has the daemon serve a restricted socket. An error means that nothing has changed.
func (c *Client) AddSocket(ctx context.Context, r api.SocketRequest) (s api.Socket, err error) {
	body, err := json.Marshal(r)
	if err == nil {
		err = c.callWith(ctx, http.MethodPost, api.PathSockets, "", body, &s)
	}
	return s, err
}

// EndSocket ends the restricted socket at path.
func (c *Client) EndSocket(ctx context.Context, path string) (s api.Socket, err error) {
	err = c.call(ctx, http.MethodDelete, api.PathSockets+"?path="+url.QueryEscape(path), "", &s)
	return s, err
}
