package ipc

import (
	"context"
	"time"

	"oauthd/ipc/api"
)

// Holds hands out tokens that are used more than once, until something changes.
type Holds interface {
	// Hold answers one request as [Tokens] would. If wait is not nil, the answer to that request stays as it is for a while;
	// wait must then be called: it returns when that is over, having called tell, or at the end of its context.
	Hold(ctx context.Context, r api.TokenRequest) (t api.Token, wait func(ctx context.Context, tell func()), err error)
}

// holdRoutes are no part of a restricted socket, whose tokens are counted.
func (sv *serving) holdRoutes() []route {
	if sv.cfg.Backend.Holds == nil {
		return nil
	}
	return []route{{method: "POST", path: api.PathHold, body: maxTokenRequest, serve: sv.postHold, stream: true}}
}

func (sv *serving) postHold(ctx context.Context, c *call) error {
	r, err := decodeTokenRequest(c.body)
	if err != nil {
		return err
	}
	ctx, events, end := sv.openStream(ctx, c)
	defer end()
	t, wait, err := sv.hold(ctx, r)
	if err != nil {
		return err
	}
	sv.asksFor(connOf(c.r), t.Account)
	events.confide(api.HeldToken{Token: &t, Held: wait != nil})
	if wait != nil {
		wait(ctx, func() { events.write(api.HeldToken{Ended: true}) })
	}
	return nil
}

// hold asks the backend, which has as long as for any token.
func (sv *serving) hold(ctx context.Context, r api.TokenRequest) (t api.Token, wait func(context.Context, func()), err error) {
	limited := withDeadline(ctx, time.Now(), sv.limits.request)
	defer limited.end()
	if err := sv.admit(limited, &r); err != nil {
		return t, nil, err
	}
	defer recovered(&err)
	t, wait, err = sv.cfg.Backend.Holds.Hold(limited, r)
	sv.missed(ctx, err)
	return t, wait, err
}
