package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"oauthd/ipc/api"
)

// Lock makes the daemon forget its tokens and give out none until Unlock.
func (c *Client) Lock(ctx context.Context) error {
	return c.call(ctx, http.MethodPost, api.PathLock, "", &struct{}{})
}

// Unlock makes the daemon give out tokens again; passphrase opens its store, "" if that needs none. A wrong one is an
// [api.Locked] error.
func (c *Client) Unlock(ctx context.Context, passphrase api.Confidential) error {
	body, err := json.Marshal(api.UnlockRequest{Passphrase: passphrase})
	if err != nil {
		return fmt.Errorf("client: %w", err)
	}
	return c.exchange(ctx, http.MethodPost, api.PathUnlock, "", body, &struct{}{})
}
