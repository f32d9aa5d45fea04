package daemon

import (
	"context"

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
	for _, r := range all {
		if err := d.audit.Proxied(ctx, r); err != nil {
			return words.NotNoted(err)
		}
	}
	return nil
}
