package ipc

import (
	"context"
	"fmt"

	"oauthd/ipc/api"
)

// Proxied takes down what proxies have done.
type Proxied interface {
	// NoteProxied puts requests, whose fields are well formed, into the audit log. An error means that not all are there.
	NoteProxied(ctx context.Context, all []api.ProxiedRequest) error
}

// maxProxied is the largest body that names requests, in bytes: with room for JSON's escapes.
const maxProxied = api.MaxProxied * 2 * api.MaxProxiedURL

func (sv *serving) proxiedRoutes() []route {
	if sv.cfg.Backend.Proxied == nil {
		return nil
	}
	return []route{{method: "POST", path: api.PathProxied, body: maxProxied, serve: sv.postProxied}}
}

func (sv *serving) postProxied(ctx context.Context, c *call) error {
	var r api.ProxiedRequests
	if err := decodeStrict(c.body, &r, fieldsOf[api.ProxiedRequests]()); err != nil {
		return err
	}
	if len(r.Requests) > api.MaxProxied {
		return badRequest(fmt.Sprintf("%d requests are too many", len(r.Requests)), fmt.Sprintf("send %d at a time", api.MaxProxied))
	}
	for _, one := range r.Requests {
		if err := api.CheckAccountName(one.Account); err != nil {
			return err
		}
		if one.Method == "" || one.URL == "" || len(one.Method)+len(one.URL) > api.MaxProxiedURL || one.Status < 0 || one.Status > 999 {
			return badRequest("a request has no method, no url, or longer ones than any that is passed on, or a status that HTTP does not have",
				`name it like {"account":"work","method":"GET","url":"https://api.example.com/me","status":200}`)
		}
	}
	return c.answer(nothing{}, sv.cfg.Backend.Proxied.NoteProxied(ctx, r.Requests))
}
