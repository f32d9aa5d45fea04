package client

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"net/http"

	"oauthd/ipc/api"
)

// errAuditEnd is the end of an audit log that is not followed.
var errAuditEnd = &api.Error{Code: api.NoDaemon, Message: "the daemon has ended", Hint: "start one with oauthd serve"}

// NoteProxied has requests that a proxy of oauthd's has answered put into the audit log. The daemon takes them from the program
// oauthd alone; the error is [api.Forbidden] for any other.
func (c *Client) NoteProxied(ctx context.Context, all []api.ProxiedRequest) error {
	body, err := json.Marshal(api.ProxiedRequests{Requests: all})
	if err == nil {
		err = c.callWith(ctx, http.MethodPost, api.PathProxied, "", body, &struct{}{})
	}
	return err
}

// Audit returns the wanted part of the audit log, the oldest event first. If r follows, it goes on with what happens then
// until ctx ends. An error is the last element.
func (c *Client) Audit(ctx context.Context, r api.AuditRequest) iter.Seq2[api.AuditEvent, error] {
	return func(yield func(api.AuditEvent, error) bool) {
		body, err := json.Marshal(r)
		if err != nil {
			yield(api.AuditEvent{}, err)
			return
		}
		stopped := false
		_, err = stream(ctx, c, http.MethodPost, api.PathAudit, "", body, errAuditEnd, func(e api.AuditEvent) (bool, error) {
			stopped = !yield(e, nil)
			return !stopped, nil
		})
		ended := errors.Is(err, errAuditEnd) && !r.Follow || ctx.Err() != nil
		if err != nil && !stopped && !ended {
			yield(api.AuditEvent{}, err)
		}
	}
}
