package ipc

import (
	"context"

	"oauthd/ipc/api"
)

// Imports takes over logins that other tools have saved.
type Imports interface {
	// Import runs one import to its end. Its context ends when the connection closes or the server stops, which ends an
	// import that has not spent the refresh token yet; the server sets no deadline. Events are sent as for Login.
	Import(ctx context.Context, r api.ImportRequest, events func(api.ImportEvent)) error
}

// maxImport is the largest body of an import request, in bytes: 512 KiB of data, with room for JSON's escapes.
const maxImport = 1 << 20

func (sv *serving) importRoutes() []route {
	if sv.cfg.Backend.Imports == nil {
		return nil
	}
	return []route{{method: "POST", path: api.PathImport, body: maxImport, serve: sv.postImport, stream: true}}
}

// postImport runs an import and sends its events as they come.
func (sv *serving) postImport(ctx context.Context, c *call) error {
	var req api.ImportRequest
	if err := decodeStrict(c.body, &req, fieldsOf[api.ImportRequest]()); err != nil {
		return err
	}
	if req.As != "" {
		if err := api.CheckAccountName(req.As); err != nil {
			return err
		}
	}
	return sv.stream(ctx, c, req.As, func(ctx context.Context, events func(any)) error {
		return sv.cfg.Backend.Imports.Import(ctx, req, func(e api.ImportEvent) { events(e) })
	})
}
