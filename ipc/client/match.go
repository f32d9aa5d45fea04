package client

import (
	"context"
	"net/http"
	"net/url"

	"oauthd/ipc/api"
)

// Match returns the account whose tokens may be used at a URL or a host. If several may, user decides, or else the user
// name in the URL. The error is [ErrUnknownAccount] if no account answers for it, and [ErrAmbiguous] if several do.
func (c *Client) Match(ctx context.Context, place, user string) (m api.Match, err error) {
	query := url.Values{"url": {place}}
	if user != "" {
		query.Set("user", user)
	}
	err = c.call(ctx, http.MethodGet, api.PathMatch+"?"+query.Encode(), "", &m)
	return m, err
}
