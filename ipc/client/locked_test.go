package client_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"oauthd/ipc/api"
	"oauthd/ipc/client"
)

// safe is a backend that is locked until it is opened, and whose store can be chosen.
type safe struct {
	backend
	open  *atomic.Bool
	store *atomic.Pointer[api.StoreChoice]
	again chan struct{} // gets an element when another store is chosen
}

func newSafe() safe {
	s := safe{open: new(atomic.Bool), store: new(atomic.Pointer[api.StoreChoice]), again: make(chan struct{}, 2)}
	s.store.Store(&api.StoreChoice{Backend: "keychain"})
	s.backend.login = func(context.Context, func(api.LoginEvent)) error { return nil }
	return s
}

func (s safe) check() error {
	if s.open.Load() {
		return nil
	}
	return &api.Error{Code: api.Locked, Message: "oauthd is locked", Hint: "oauthd unlock"}
}

func (s safe) Token(ctx context.Context, r api.TokenRequest) (api.Token, error) {
	if err := s.check(); err != nil {
		return api.Token{}, err
	}
	return s.backend.Token(ctx, r)
}

func (s safe) Logout(context.Context, string) (api.LogoutResult, error) {
	return api.LogoutResult{Revoked: true}, s.check()
}

func (s safe) Login(_ context.Context, _ string, _ api.AccountDefinition, events func(api.LoginEvent)) error {
	if err := s.check(); err != nil {
		return err
	}
	events(api.LoginEvent{Event: api.EventDone})
	return nil
}

func (s safe) Lock(context.Context) error { return nil }

func (s safe) Unlock(_ context.Context, passphrase api.Confidential) error {
	if passphrase != "hunter2" {
		return s.check()
	}
	s.open.Store(true)
	return nil
}

func (s safe) Status(context.Context) (api.Status, error) {
	c := *s.store.Load()
	return api.Status{Store: api.Store{Backend: c.Backend, Identity: c.Identity, Seal: c.Seal}}, nil
}

func (s safe) ChooseStore(_ context.Context, choice api.StoreChoice) (api.StoreChosen, error) {
	other := choice != *s.store.Load()
	if other {
		s.again <- struct{}{}
	}
	return api.StoreChosen{File: "config.toml", Line: 2, Restarting: other}, nil
}

// A request that finds the daemon locked is made again when a person has unlocked it, and only then.
func TestLocked(t *testing.T) {
	declined := errors.New("nobody is there")
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
			wantCode(t, request(c), api.Locked)

			asked, opens := 0, false
			c = h.client()
			c.Locked = func(ctx context.Context, locked error) error {
				asked++
				wantCode(t, locked, api.Locked)
				if !opens {
					return declined
				}
				return h.client().Unlock(ctx, "hunter2")
			}
			if err := request(c); !errors.Is(err, declined) || asked != 1 {
				t.Errorf("declined: got %v, asked %d times, want that error and once", err, asked)
			}
			opens = true
			if err := request(c); err != nil || asked != 2 {
				t.Errorf("opened: got %v, asked %d times, want nil and twice", err, asked)
			}
			if err := request(c); err != nil || asked != 2 {
				t.Errorf("open: got %v, asked %d times, want nil and twice", err, asked)
			}
		})
	}
	h, s := newHome(t), newSafe()
	h.serve(h.socket(), s)
	c := h.client()
	c.Locked = func(context.Context, error) error { t.Error("a wrong passphrase asks"); return nil }
	wantCode(t, c.Unlock(context.Background(), "hunter3"), api.Locked)
}

// ChooseStore returns when the daemon is back with that store, and not before.
func TestChooseStore(t *testing.T) {
	h, s := newHome(t), newSafe()
	stop := h.serve(h.socket(), s)
	c := h.client()
	got, err := c.ChooseStore(context.Background(), api.StoreChoice{Backend: "keychain"})
	if want := (api.StoreChosen{File: "config.toml", Line: 2}); err != nil || got != want {
		t.Errorf("the store in use: got %+v, %v, want %+v", got, err, want)
	}
	choice := api.StoreChoice{Backend: "file", Seal: "systemd-creds"}
	done := make(chan error, 1)
	go func() {
		_, err := c.ChooseStore(context.Background(), choice)
		done <- err
	}()
	<-s.again
	stop()
	s.store.Store(&choice)
	h.serve(h.socket(), s)
	if err := <-done; err != nil || *s.store.Load() != choice {
		t.Errorf("got %v with the store %+v, want nil once it is %+v", err, *s.store.Load(), choice)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	if _, err := c.ChooseStore(ctx, api.StoreChoice{Backend: "memory"}); err == nil {
		t.Error("a daemon that stays as it is counts as changed")
	}
}
