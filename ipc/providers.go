package ipc

import (
	"context"
	"net/http"

	"oauthd/ipc/api"
)

// Providers tells what is known of authorization servers by name.
type Providers interface {
	// Providers returns all, by name.
	Providers(ctx context.Context) ([]api.Provider, error)
	// Provider returns one; name may be anything.
	Provider(ctx context.Context, name string) (api.Provider, error)
}

func (sv *serving) getProviders(ctx context.Context, w http.ResponseWriter, _ *http.Request) error {
	list, err := sv.cfg.Backend.Providers(ctx)
	if err != nil {
		return err
	}
	if list == nil {
		list = []api.Provider{}
	}
	return writeJSON(w, list)
}

func (sv *serving) getProvider(ctx context.Context, w http.ResponseWriter, r *http.Request) error {
	p, err := sv.cfg.Backend.Provider(ctx, r.PathValue("id"))
	if err != nil {
		return err
	}
	return writeJSON(w, p)
}
