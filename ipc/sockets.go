package ipc

import (
	"context"

	"oauthd/ipc/api"
)

// Sockets keeps the restricted sockets.
type Sockets interface {
	// Sockets returns those that are served, by path.
	Sockets(ctx context.Context) ([]api.Socket, error)
	// AddSocket begins to serve one. An error means that nothing has changed.
	AddSocket(ctx context.Context, r api.SocketRequest) (api.Socket, error)
	// EndSocket ends the one at path.
	EndSocket(ctx context.Context, path string) (api.Socket, error)
}

func (sv *serving) socketRoutes() []route {
	if sv.cfg.Backend.Sockets == nil {
		return nil
	}
	return []route{
		{method: "GET", path: api.PathSockets, serve: sv.getSockets},
		{method: "POST", path: api.PathSockets, body: maxTokenRequest, serve: sv.postSocket},
		{method: "DELETE", path: api.PathSockets, query: true, serve: sv.deleteSocket},
	}
}

func (sv *serving) getSockets(ctx context.Context, c *call) error {
	all, err := sv.cfg.Backend.Sockets.Sockets(ctx)
	return c.answer(orEmpty(all), err)
}

func (sv *serving) postSocket(ctx context.Context, c *call) error {
	var r api.SocketRequest
	if err := decodeStrict(c.body, &r, fieldsOf[api.SocketRequest]()); err != nil {
		return err
	}
	if err := api.CheckAccountName(r.Account); err != nil {
		return err
	}
	s, err := sv.cfg.Backend.Sockets.AddSocket(ctx, r)
	return c.answer(s, err)
}

func (sv *serving) deleteSocket(ctx context.Context, c *call) error {
	path, err := readPath(c.r.URL.RawQuery, api.PathSockets)
	if err != nil {
		return err
	}
	s, err := sv.cfg.Backend.Sockets.EndSocket(ctx, path)
	return c.answer(s, err)
}
