package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"

	"oauthd/ipc/api"
)

// Files lists the files that the daemon maintains.
func (c *Client) Files(ctx context.Context) ([]api.File, error) {
	var list []api.File
	err := c.call(ctx, http.MethodGet, api.PathFiles, "", &list)
	return list, err
}

// AddFile has the daemon write a file that holds a token, and keep it up to date. An error means that nothing has
// changed. A file without a path is this process's, and is removed when the process ends.
func (c *Client) AddFile(ctx context.Context, r api.FileRequest) (api.File, error) {
	var f api.File
	body, err := json.Marshal(r)
	if err != nil {
		return f, err
	}
	err = c.callWith(ctx, http.MethodPost, api.PathFiles, "", body, &f)
	return f, err
}

// EndFile ends the maintenance of a file, and removes it.
func (c *Client) EndFile(ctx context.Context, path string) (api.File, error) {
	var f api.File
	err := c.call(ctx, http.MethodDelete, api.PathFiles+"?path="+url.QueryEscape(path), "", &f)
	return f, err
}
