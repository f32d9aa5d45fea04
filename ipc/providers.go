package ipc

import (
	"context"

	"oauthd/ipc/api"
)

// Providers describes the authorization servers that have a name.
type Providers interface {
	// Providers returns all providers, by name.
	Providers(ctx context.Context) ([]api.Provider, error)
	// Provider returns one provider; name may be any text.
	Provider(ctx context.Context, name string) (api.Provider, error)
}

func (sv *serving) providerRoutes() []route {
	if sv.cfg.Backend.Providers == nil {
		return nil
	}
	return []route{
		{method: "GET", path: api.PathProviders, serve: sv.getProviders},
		{method: "GET", path: api.PathProvider, serve: sv.getProvider},
	}
}

func (sv *serving) getProviders(ctx context.Context, c *call) error {
	all, err := sv.cfg.Backend.Providers.Providers(ctx)
	return c.answer(orEmpty(all), err)
}

func (sv *serving) getProvider(ctx context.Context, c *call) error {
	p, err := sv.cfg.Backend.Providers.Provider(ctx, c.r.PathValue("id"))
	return c.answer(p, err)
}
