package doctor

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"

	"oauthd/ipc/api"
)

// daemon looks at the daemon that runs, if one does.
func (p Patient) daemon(s api.Status, err error) []Finding {
	switch {
	case errors.Is(err, &api.Error{Code: api.NoDaemon}) && p.Env.Getenv("OAUTHD_NO_AUTOSTART") != "":
		return []Finding{warn("daemon", "none is running, and OAUTHD_NO_AUTOSTART keeps commands from starting one",
			"oauthd serve, or unset OAUTHD_NO_AUTOSTART")}
	case errors.Is(err, &api.Error{Code: api.NoDaemon}):
		return []Finding{ok("daemon", "none is running; the next command that needs one starts it")}
	case err != nil:
		return []Finding{faulty("daemon", err).orFix("oauthd stop, then run your command again")}
	case s.Upgrade != nil && s.Upgrade.Waiting != "":
		return []Finding{warn("daemon", fmt.Sprintf("pid %d is version %s, and %s is installed, which waits: %s", s.PID, api.Excerpt(s.Version),
			api.Excerpt(cmp.Or(s.Upgrade.Version, "another program")), api.Excerpt(s.Upgrade.Waiting)), "oauthd stop; the next command starts the new one")}
	case s.Upgrade != nil:
		return []Finding{ok("daemon", fmt.Sprintf("pid %d, version %s; %s takes over at the next idle moment", s.PID, s.Version, api.Excerpt(s.Upgrade.Version)))}
	case s.Version != p.Version:
		return []Finding{warn("daemon", fmt.Sprintf("pid %d is version %s, and this program is %s", s.PID, api.Excerpt(s.Version), p.Version),
			"oauthd stop; the next command starts the new one")}
	}
	return []Finding{ok("daemon", fmt.Sprintf("pid %d, version %s, started by %s", s.PID, s.Version, api.Excerpt(cmp.Or(s.StartedBy, "unknown"))))}
}

// configuration looks for mistakes in the files.
func (p Patient) configuration() Finding {
	dir, err := p.Env.ConfigDir()
	if err != nil {
		return faulty("configuration", err)
	}
	if err := p.Config(); err != nil {
		return fault("configuration", api.AsError(err).Message, "correct the line; the accounts that are right work meanwhile")
	}
	return ok("configuration", dir)
}

// accounts looks at what each account needs.
func (p Patient) accounts(s api.Status) []Finding {
	locked := 0
	var found []Finding
	for _, a := range s.Accounts {
		check := "account " + a.Name
		switch {
		case a.State == api.StateLocked:
			locked++
		case a.State == api.StateLoginRequired:
			found = append(found, warn(check, why(a, "needs a login"), "oauthd login "+a.Name))
		case a.State == api.StateError:
			found = append(found, faulty(check, lastError(a)).orFix("oauthd account show "+a.Name))
		case a.Degraded:
			found = append(found, warn(check, "its newest credential is not saved yet, and would be lost if the daemon ended now",
				"oauthd status shows what is wrong with the store"))
		case len(a.ScopesLost) > 0:
			found = append(found, warn(check, strconv.Itoa(len(a.ScopesLost))+" scopes that the login brought are gone", "oauthd login "+a.Name))
		case a.LoginEndsAt != nil && !a.LoginProlonged && a.LoginEndsAt.Sub(p.Now()).Hours() < 72:
			found = append(found, warn(check, "its login ends on "+a.LoginEndsAt.Local().Format("Monday, 2 January, 15:04"), "oauthd login "+a.Name))
		default:
			found = append(found, ok(check, string(a.State)))
		}
	}
	if locked > 0 {
		found = append(found, warn("accounts", fmt.Sprintf("locked: %d", locked), "oauthd unlock"))
	}
	return found
}

func why(a api.Account, otherwise string) string {
	if a.LastError != nil {
		return a.LastError.Message
	}
	return otherwise
}

func lastError(a api.Account) error {
	if a.LastError != nil {
		return a.LastError
	}
	return &api.Error{Code: api.Internal, Message: "its state is " + string(a.State)}
}

// logFile is where an auto-started daemon writes its log; "" if it is not known.
func (p Patient) logFile() string {
	state, err := p.Env.StateDir()
	if err != nil {
		return ""
	}
	return filepath.Join(state, "daemon.log")
}
