package daemon

import "context"

// Busy returns why somebody would notice if the daemon ended and began again now; "" if nobody would.
func (d *Daemon) Busy(context.Context) string {
	switch {
	case d.vault.Gate().Locked():
		return "oauthd is locked, and a new daemon would not be"
	case d.logins.Any():
		return "a login is under way"
	}
	for _, name := range d.book.Names() {
		_, callers := d.attend.Waiting(name)
		switch {
		case d.vault.Degraded(name):
			return "the credential of " + name + " is not in the store yet"
		case callers > 0:
			return "callers wait for a login to " + name
		case d.tokens.Schedule(name).Refreshing:
			return "a refresh of " + name + " is under way"
		}
	}
	return ""
}
