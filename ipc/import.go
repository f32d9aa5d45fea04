package ipc

import (
	"context"
	"net/http"

	"oauthd/ipc/api"
)

// maxImport leaves room for what JSON adds to 512 KiB.
const maxImport = 1 << 20

// Imports takes over what other tools have saved.
type Imports interface {
	// Import runs one import to its end. Its context has no deadline of the server's; it ends when the connection closes
	// or the server stops, which ends an import that has not spent the refresh token yet. events is called as for Login.
	Import(ctx context.Context, r api.ImportRequest, events func(api.ImportEvent)) error
}

func importFields() []string {
	return []string{
		"data", "as", "scopes", "provider", "issuer", "client_id", "client_secret", "trust_endpoint", "sole",
	}
}

// postImport runs an import and writes its events as they come; errors are as for a login.
func (sv *serving) postImport(ctx context.Context, w http.ResponseWriter, r *http.Request) error {
	body, err := sv.readBody(w, r, maxImport)
	if err != nil {
		return err
	}
	var req api.ImportRequest
	if err := decodeStrict(body, &req, importFields()); err != nil {
		return err
	}
	if req.As != "" {
		if err := api.CheckAccountName(req.As); err != nil {
			return err
		}
	}
	return sv.tell(ctx, w, r.Pattern, req.As, func(ctx context.Context, events func(any)) error {
		return sv.cfg.Backend.Import(ctx, req, func(e api.ImportEvent) { events(e) })
	})
}
