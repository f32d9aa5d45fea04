package client_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"oauthd/ipc/api"
	"oauthd/ipc/client"
)

// Each wait is announced and ends, whatever comes of it, and nobody is asked for a passphrase in the middle of one.
func TestWaiting(t *testing.T) {
	for name, request := range map[string]func(*client.Client) error{
		"token":  func(c *client.Client) error { _, err := c.Token(context.Background(), work); return err },
		"logout": func(c *client.Client) error { _, err := c.Logout(context.Background(), "work"); return err },
		"login": func(c *client.Client) error {
			return c.Login(context.Background(), "work", api.AccountDefinition{}, func(api.LoginEvent) error { return nil })
		},
	} {
		t.Run(name, func(t *testing.T) {
			h, s := newHome(t), newSafe()
			h.serve(h.socket(), s)
			c := h.client()
			var happened []string
			c.Waiting = func(context.Context) func() {
				happened = append(happened, "waits")
				return func() { happened = append(happened, "over") }
			}
			c.Locked = func(_ context.Context, locked error) error {
				happened = append(happened, "asked")
				if len(happened) > 3 {
					s.open.Store(true)
					return nil
				}
				return locked
			}
			if err := request(c); !errors.Is(err, client.ErrLocked) {
				t.Errorf("locked: got %v", err)
			}
			if want := []string{"waits", "over", "asked"}; !slices.Equal(happened, want) {
				t.Errorf("locked: got %q, want %q", happened, want)
			}
			if err := request(c); err != nil {
				t.Errorf("opened: got %v", err)
			}
			if want := []string{"waits", "over", "asked", "waits", "over", "asked", "waits", "over"}; !slices.Equal(happened, want) {
				t.Errorf("opened: got %q, want %q", happened, want)
			}
		})
	}
}
