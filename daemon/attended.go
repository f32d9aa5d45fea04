package daemon

import (
	"context"
	"strconv"
	"strings"

	"oauthd/daemon/attend"
	"oauthd/ipc/api"
)

// attended is where accounts that need a person are looked up, and logged in.
type attended struct{ d *Daemon }

var _ attend.Accounts = attended{}

// Standing implements [attend.Accounts].
func (at attended) Standing(name string) (s attend.Standing, known bool) {
	a, known, exists := at.d.standing.Known(name, nil)
	if !exists || !known {
		return s, false
	}
	if c, _ := at.d.book.Configured(name); c.Via != "" {
		return s, false // it is the other account that needs a person
	}
	f, _ := at.d.book.KnownFacts(name)
	return attend.Standing{Account: a, HadLogin: f.LoggedIn || !f.MissingSince.IsZero(), LoggedInAt: f.LoggedInAt}, true
}

// Login implements [attend.Accounts].
func (at attended) Login(ctx context.Context, name string, w attend.Want, events func(api.LoginEvent)) error {
	def := api.AccountDefinition{Scopes: strings.Fields(w.Scopes), ACRValues: w.ACRValues}
	if w.MaxAge != "" {
		age, err := strconv.ParseInt(w.MaxAge, 10, 64)
		if err != nil {
			return err
		}
		def.MaxAge = &age
	}
	return at.d.logins.Login(ctx, name, def, events)
}

// Underway implements [attend.Accounts].
func (at attended) Underway(name string) <-chan struct{} { return at.d.logins.Underway(name) }
