package ipc

import (
	"context"
	"iter"

	"oauthd/ipc/api"
)

// Watches reports changes as they happen.
type Watches interface {
	// Watch returns how the account is now, or every account for "", and then whatever changes. The sequence ends with
	// its context, which ends when the connection closes or the server stops; an error is its last element.
	Watch(ctx context.Context, account string) (iter.Seq2[api.WatchEvent, error], error)
}

func (sv *serving) watchRoutes() []route {
	if sv.cfg.Backend.Watches == nil {
		return nil
	}
	return []route{{method: "GET", path: api.PathWatch, query: true, serve: sv.getWatch, stream: true}}
}

// getWatch sends changes as they happen. The header goes first, because the first change may be long in coming.
func (sv *serving) getWatch(ctx context.Context, c *call) error {
	var name string
	err := readQuery(c.r.URL.RawQuery, []string{"account"}, func(_, value string) error {
		name = value
		return api.CheckAccountName(value)
	})
	if err != nil {
		return err
	}
	if sv.socket != nil {
		if name != "" && name != sv.socket.Account {
			return otherAccount(sv.socket.Account)
		}
		name = sv.socket.Account
	}
	ctx, events, end := sv.openStream(ctx, c)
	defer end()
	changes, err := sv.cfg.Backend.Watches.Watch(ctx, name)
	if err != nil {
		return err
	}
	events.begin()
	for event, err := range changes {
		if err != nil {
			events.write(api.WatchEvent{Event: api.EventError, Error: sv.report(ctx, c.r.Pattern, name, err)})
			return nil
		}
		if events.write(event); ctx.Err() != nil {
			return nil
		}
	}
	return nil
}
