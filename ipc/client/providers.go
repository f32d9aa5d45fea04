package client

import (
	"context"
	"net/http"

	"oauthd/ipc/api"
)

// Providers lists the authorization servers that have a name.
func (c *Client) Providers(ctx context.Context) ([]api.Provider, error) {
	var list []api.Provider
	err := c.call(ctx, http.MethodGet, api.PathProviders, "", &list)
	return list, err
}

// Provider shows one of them.
func (c *Client) Provider(ctx context.Context, name string) (api.Provider, error) {
	var p api.Provider
	if name == "" {
		return p, &api.Error{Code: api.BadRequest, Message: "a provider has a name", Hint: "oauthd providers lists them"}
	}
	err := c.call(ctx, http.MethodGet, api.PathProvider, name, &p)
	return p, err
}
