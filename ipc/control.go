package ipc

import (
	"context"
	"net/http"

	"oauthd/ipc/api"
)

func (sv *serving) postReload(ctx context.Context, w http.ResponseWriter, _ *http.Request) error {
	result, err := sv.cfg.Backend.Reload(ctx)
	if err != nil {
		return err
	}
	return writeJSON(w, result)
}

// getWatch writes what changes as it does, until the caller goes away or the server stops.
func (sv *serving) getWatch(ctx context.Context, w http.ResponseWriter, r *http.Request) error {
	var name string
	err := readQuery(r.URL.RawQuery, []string{"account"}, func(_, value string) error {
		name = value
		return api.CheckAccountName(value)
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(sv.stop, func() { cancel(errStopping()) })()

	news, err := sv.cfg.Backend.Watch(ctx, name)
	if err != nil {
		return err
	}
	events := eventWriter{w: w, control: http.NewResponseController(w), broken: cancel}
	events.begin()
	for event, err := range news {
		if err != nil {
			events.write(api.WatchEvent{Event: api.EventError, Error: sv.report(ctx, r.Pattern, name, err)})
			return nil
		}
		if events.write(event); ctx.Err() != nil {
			return nil
		}
	}
	return nil
}
