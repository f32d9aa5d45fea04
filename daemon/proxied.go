package daemon

import (
	"context"

	"oauthd/daemon/account"
	"oauthd/daemon/audit"
	"oauthd/daemon/files"
	"oauthd/daemon/words"
	"oauthd/ipc/api"
)

// NoteProxied puts requests that a proxy of oauthd's has answered into the audit log. Other programs could fill the log with
// them, until older lines are put aside.
func (d *Daemon) NoteProxied(ctx context.Context, all []api.ProxiedRequest) error {
	if !files.FromOauthd(ctx) {
		return words.NoProxy()
	}
	if !d.auditing() {
		return nil
	}
	c, _ := account.CallerFrom(ctx)
	caller := c.Known()
	for _, r := range all {
		e := account.AuditEvent{
			Event: api.AuditProxied, Account: r.Account, Caller: &caller, Method: r.Method, URL: r.URL, Status: r.Status, Outcome: "ok",
		}
		if r.Code != "" {
			e.Outcome = string(r.Code)
		}
		k := audit.Key{
			Event: e.Event, Account: e.Account, Outcome: e.Outcome, Method: e.Method, URL: e.URL, Status: e.Status,
			PID: caller.PID, Start: caller.Start,
		}
		if caller.Through != nil {
			k.Through = caller.Through.PID
		}
		if err := d.audit.Note(k, func() account.AuditEvent { return e }); err != nil {
			return words.NotNoted(err)
		}
	}
	return nil
}
