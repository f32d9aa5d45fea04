package daemon

import (
	"oauthd/daemon/account"
	"oauthd/ipc/api"
)

// lacksVia reports whether the account whose login a's tokens come from has none, as far as that is known without asking the
// store.
func (d *Daemon) lacksVia(a account.Account) bool {
	of, ok := d.book.Configured(a.Via)
	if !ok || of.Via != "" {
		return false
	}
	f, known := d.book.KnownFacts(of.Name)
	return known && d.describe(of, f, nil).State == api.StateLoginRequired
}
