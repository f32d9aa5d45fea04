package ipc

import (
	"bytes"
	"context"

	"oauthd/ipc/api"
)

// Locks locks and unlocks oauthd.
type Locks interface {
	// Lock refuses every request for a token until Unlock.
	Lock(ctx context.Context) error
	// Unlock serves tokens again. If the store can be closed, the passphrase opens it; "" is none.
	Unlock(ctx context.Context, passphrase api.Confidential) error
}

func (sv *serving) lockRoutes() []route {
	if sv.cfg.Backend.Locks == nil {
		return nil
	}
	return []route{
		{method: "POST", path: api.PathLock, serve: sv.postLock},
		{method: "POST", path: api.PathUnlock, body: maxTokenRequest, serve: sv.postUnlock},
	}
}

func (sv *serving) postLock(ctx context.Context, c *call) error {
	return c.answer(nothing{}, sv.cfg.Backend.Locks.Lock(ctx))
}

// postUnlock takes an empty body to mean no passphrase.
func (sv *serving) postUnlock(ctx context.Context, c *call) error {
	var u api.UnlockRequest
	if len(bytes.TrimSpace(c.body)) > 0 {
		if err := decodeStrict(c.body, &u, fieldsOf[api.UnlockRequest]()); err != nil {
			return err
		}
	}
	return c.answer(nothing{}, sv.cfg.Backend.Locks.Unlock(ctx, u.Passphrase))
}
