package client

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"oauthd/ipc/api"
)

const (
	// anewTimeout is how long a daemon may take to begin anew.
	anewTimeout = 15 * time.Second
	anewPause   = 20 * time.Millisecond
)

// ChooseStore has the daemon write into config.toml where credentials are stored, and returns once it uses that store.
// It is refused while the store in use holds credentials.
func (c *Client) ChooseStore(ctx context.Context, choice api.StoreChoice) (chosen api.StoreChosen, err error) {
	body, err := json.Marshal(choice)
	if err != nil {
		return chosen, err
	}
	if err := c.exchange(ctx, http.MethodPost, api.PathStore, "", body, &chosen); err != nil || !chosen.Restarting {
		return chosen, err
	}
	return chosen, c.awaitStore(ctx, choice)
}

// awaitStore waits until a daemon with that store answers. It starts none: the one that was asked comes back.
func (c *Client) awaitStore(ctx context.Context, choice api.StoreChoice) error {
	_ = c.Close() // the connections to the daemon before
	ctx, cancel := context.WithTimeout(ctx, anewTimeout)
	defer cancel()
	later := &Client{Socket: c.Socket, Environment: c.Environment}
	defer later.Close()
	for {
		s, err := later.Status(ctx)
		if err == nil && (api.StoreChoice{Backend: s.Store.Backend, Identity: s.Store.Identity, Seal: s.Store.Seal}) == choice {
			return nil
		}
		_ = later.Close()
		select {
		case <-time.After(anewPause):
		case <-ctx.Done():
			if err = contextError(ctx.Err()); errors.Is(ctx.Err(), context.DeadlineExceeded) {
				err = &api.Error{Code: api.NoDaemon, Message: "config.toml names the new store, but the daemon did not come back with it",
					Hint: "oauthd serve shows what prevents it"}
			}
			return err
		}
	}
}
