package ipc

import (
	"context"

	"oauthd/ipc/api"
)

// Control is about the daemon itself.
type Control interface {
	// Status describes the daemon, its store and every account.
	Status(ctx context.Context) (api.Status, error)
	// Reload reads the configuration again; if it returns an error, nothing has changed.
	Reload(ctx context.Context) (api.ReloadResult, error)
	// Shutdown asks the daemon to stop and returns at once; the request that asked is answered first.
	Shutdown(ctx context.Context) error
}

func (sv *serving) controlRoutes() []route {
	if sv.cfg.Backend.Control == nil {
		return nil
	}
	return []route{
		{method: "GET", path: api.PathStatus, serve: sv.getStatus},
		{method: "POST", path: api.PathReload, serve: sv.postReload},
		{method: "POST", path: api.PathShutdown, serve: sv.postShutdown},
	}
}

func (sv *serving) getStatus(ctx context.Context, c *call) error {
	status, err := sv.cfg.Backend.Control.Status(ctx)
	status.Callers = sv.callers.list()
	return c.answer(status, err)
}

func (sv *serving) postReload(ctx context.Context, c *call) error {
	result, err := sv.cfg.Backend.Control.Reload(ctx)
	return c.answer(result, err)
}

func (sv *serving) postShutdown(ctx context.Context, c *call) error {
	return c.answer(nothing{}, sv.cfg.Backend.Control.Shutdown(ctx))
}
