package ipc

import (
	"context"

	"oauthd/ipc/api"
)

// maxStoreChoice bounds a request that chooses the store, in bytes: a path and some words.
const maxStoreChoice = 16 << 10

// Stores chooses where credentials are stored.
type Stores interface {
	// ChooseStore writes the choice into config.toml. If the daemon has to begin anew for it, the request is answered
	// first.
	ChooseStore(ctx context.Context, choice api.StoreChoice) (api.StoreChosen, error)
}

func (sv *serving) storeRoutes() []route {
	if sv.cfg.Backend.Stores == nil {
		return nil
	}
	return []route{{method: "POST", path: api.PathStore, body: maxStoreChoice, serve: sv.postStore}}
}

func (sv *serving) postStore(ctx context.Context, c *call) error {
	var choice api.StoreChoice
	if err := decodeStrict(c.body, &choice, fieldsOf[api.StoreChoice]()); err != nil {
		return err
	}
	chosen, err := sv.cfg.Backend.Stores.ChooseStore(ctx, choice)
	return c.answer(chosen, err)
}
