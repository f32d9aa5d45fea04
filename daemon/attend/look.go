package attend

import (
	"time"

	"oauthd/daemon/hook"
	"oauthd/daemon/words"
	"oauthd/ipc/api"
)

// mostNotice is how far ahead the end of a login is announced. A login that lasts less than twice as long is announced
// half-way: nobody wants to hear of the end when it has just begun.
const mostNotice = 3 * 24 * time.Hour

// The events, as a configured command gets them.
const (
	eventRequired = "login_required"
	eventEnding   = "login_ends"
	eventReady    = "ready"
)

// told is what was said last of an account.
type told struct {
	required bool
	ends     time.Time // the end that was announced; zero for none
}

// look compares how the account of that name is with what was said of it.
func (d *Desk) look(name string) {
	s, known := d.cfg.Accounts.Standing(name)
	if !known {
		d.mu.Lock()
		delete(d.told, name)
		d.mu.Unlock()
		d.settle(name, s)
		return
	}
	if s.State != api.StateLoginRequired {
		d.settle(name, s)
	}
	d.mu.Lock()
	before := d.told[name]
	d.mu.Unlock()
	now := before
	switch s.State {
	case api.StateReady:
		now.required = false
		if before.required {
			d.announce(eventReady, s, "")
		}
		now.ends = d.lookAhead(s, before.ends)
	case api.StateLoginRequired:
		now = told{required: s.HadLogin}
		if s.HadLogin && !before.required {
			d.announce(eventRequired, s, words.LoginEnded(s.Account))
			d.ask(name, Want{}, s.LoggedInAt, false)
		}
	}
	d.mu.Lock()
	d.told[name] = now
	d.mu.Unlock()
}

// lookAhead announces the end of a login in time, once, and returns the end that was announced; zero if that is not due.
func (d *Desk) lookAhead(s Standing, announced time.Time) time.Time {
	if s.LoginEndsAt == nil || s.LoginProlonged {
		return time.Time{}
	}
	end, now := *s.LoginEndsAt, d.cfg.Now()
	notice := mostNotice
	if whole := end.Sub(s.LoggedInAt); !s.LoggedInAt.IsZero() && whole < 2*notice {
		notice = whole / 2
	}
	switch {
	case !now.Before(end) || end.Sub(now) > notice:
		return time.Time{}
	case announced.Equal(end):
		return announced
	}
	text := words.LoginEnds(s.Account, end)
	d.announce(eventEnding, s, text.Body)
	if d.cfg.Desktop != nil {
		d.inBackground(func() { d.tell(text) })
	}
	return end
}

// announce has the configured command run.
func (d *Desk) announce(event string, s Standing, message string) {
	argv := d.cfg.Settings().OnEvent
	if len(argv) == 0 {
		return
	}
	facts := []string{
		"OAUTHD_EVENT=" + event, "OAUTHD_ACCOUNT=" + s.Name, "OAUTHD_PROVIDER=" + api.Excerpt(s.Provider),
		"OAUTHD_STATE=" + string(s.State), "OAUTHD_MESSAGE=" + message,
	}
	if event == eventRequired || event == eventEnding {
		facts = append(facts, "OAUTHD_HINT=oauthd login "+s.Name)
	}
	if s.LoginEndsAt != nil {
		facts = append(facts, "OAUTHD_LOGIN_ENDS_AT="+s.LoginEndsAt.UTC().Format(time.RFC3339))
	}
	d.cfg.Hook(hook.Command{Argv: argv, Facts: facts})
}
