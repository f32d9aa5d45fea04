package ipc

import (
	"bytes"
	"context"
	"net/http"

	"oauthd/ipc/api"
)

func (sv *serving) postLock(ctx context.Context, w http.ResponseWriter, _ *http.Request) error {
	if err := sv.cfg.Backend.Lock(ctx); err != nil {
		return err
	}
	return writeJSON(w, struct{}{})
}

// postUnlock takes an empty body for one without a passphrase.
func (sv *serving) postUnlock(ctx context.Context, w http.ResponseWriter, r *http.Request) error {
	body, err := sv.readBody(w, r, maxTokenRequest)
	if err != nil {
		return err
	}
	var u api.UnlockRequest
	if len(bytes.TrimSpace(body)) > 0 {
		if err := decodeStrict(body, &u, []string{"passphrase"}); err != nil {
			return err
		}
	}
	if err := sv.cfg.Backend.Unlock(ctx, u.Passphrase); err != nil {
		return err
	}
	return writeJSON(w, struct{}{})
}
