package client_test

import (
	"context"
	"errors"
	"testing"

	"oauthd/ipc/api"
)

func (backend) Providers(context.Context) ([]api.Provider, error) {
	return []api.Provider{{Name: "google"}}, nil
}

func (backend) Provider(_ context.Context, name string) (api.Provider, error) {
	if name == "none" {
		return api.Provider{}, &api.Error{Code: api.UnknownProvider, Message: "there is no provider none"}
	}
	return api.Provider{Name: name, ProviderRow: api.ProviderRow{RedirectPort: api.RedirectPortFixed}}, nil
}

func TestProviders(t *testing.T) {
	h := newHome(t)
	defer h.serve(h.socket(), backend{})()
	c := h.client()
	defer c.Close()
	all, err := c.Providers(t.Context())
	if err != nil || len(all) != 1 || all[0].Name != "google" {
		t.Errorf("all: got %+v, %v; want google", all, err)
	}
	for _, name := range []string{"google", "a b", "x/y", "é?"} {
		if p, err := c.Provider(t.Context(), name); err != nil || p.Name != name || p.RedirectPort != api.RedirectPortFixed {
			t.Errorf("%q: got %+v, %v", name, p, err)
		}
	}
	if _, err := c.Provider(t.Context(), "none"); !errors.Is(err, &api.Error{Code: api.UnknownProvider}) {
		t.Errorf("unknown: got %v", err)
	}
	if _, err := c.Provider(t.Context(), ""); !errors.Is(err, &api.Error{Code: api.BadRequest}) {
		t.Errorf("no name: got %v", err)
	}
}
