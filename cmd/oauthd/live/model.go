// Package live is the screen of "oauthd status --watch": the accounts with the time their tokens have left, what needs a
// person on top, and what happens as it happens. What is shown is worked out without a terminal; one file draws it.
package live

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"oauthd/cmd/oauthd/screen"
	"oauthd/ipc/api"
)

// mostEvents is how many events are remembered.
const mostEvents = 200

// Model is what is known, and what the person has chosen. It is for one goroutine.
type Model struct {
	status    api.Status
	accounts  map[string]api.Account
	whole     map[string]time.Duration // the longest that a token of the account was seen to have left
	callers   map[string]bool          // those that were shown, by pid, account and time
	events    []happening              // the oldest first
	connected bool
	problem   string // why the daemon does not answer; "" if it does
	selected  string // the name of an account
	// question is what the person is asked to confirm; nil for nothing.
	question *question
	notice   string // the outcome of what the person did last
}

// happening is one line of what has happened.
type happening struct {
	at    time.Time
	text  string
	style Style
}

// question is confirmed by y.
type question struct {
	text   string
	action Action
}

// NewModel returns a Model that knows nothing yet.
func NewModel() *Model {
	return &Model{accounts: map[string]api.Account{}, whole: map[string]time.Duration{}, callers: map[string]bool{}}
}

// SetStatus takes in how the daemon is.
func (m *Model) SetStatus(s api.Status) {
	first := !m.connected && m.status.PID == 0
	m.status, m.connected, m.problem = s, true, ""
	for _, c := range slices.Backward(s.Callers) {
		id := fmt.Sprintf("%d %s %s", c.PID, c.Account, c.At)
		if m.callers[id] {
			continue
		}
		m.callers[id] = true
		if !first {
			m.happened(c.At, callerName(c)+" was given a token of "+c.Account, Plain)
		}
	}
	known := map[string]bool{}
	for _, a := range s.Accounts {
		known[a.Name] = true
		m.accounts[a.Name] = a
	}
	for name := range m.accounts {
		if !known[name] {
			delete(m.accounts, name)
		}
	}
}

// Lost takes in that the daemon does not answer.
func (m *Model) Lost(why error, now time.Time) {
	if m.connected {
		m.happened(now, "the daemon does not answer any more", Bad)
	}
	m.connected, m.problem = false, api.AsError(why).Message
}

// Apply takes in an event.
func (m *Model) Apply(e api.WatchEvent, now time.Time) {
	switch e.Event {
	case api.EventAccount:
		if e.Status != nil {
			m.account(*e.Status, now)
		}
	case api.EventToken:
		text := e.Account + ": new token"
		if e.ExpiresAt != nil {
			left := e.ExpiresAt.Sub(now)
			m.whole[e.Account] = left
			text += ", for " + screen.Span(left)
		}
		m.happened(now, text, Good)
	case api.EventRemoved:
		delete(m.accounts, e.Account)
		m.happened(now, e.Account+": the account was removed", Warning)
	}
}

func (m *Model) account(a api.Account, now time.Time) {
	before, known := m.accounts[a.Name]
	m.accounts[a.Name] = a
	if !known || before.State == a.State && before.LoginAsked == a.LoginAsked {
		return
	}
	switch {
	case before.State != a.State:
		m.happened(now, a.Name+": "+standing(a), styleOf(a))
	case a.LoginAsked:
		m.happened(now, a.Name+": you are being asked to log in", Warning)
	}
}

func (m *Model) happened(at time.Time, text string, style Style) {
	if len(m.events) == mostEvents {
		m.events = slices.Delete(m.events, 0, 1)
	}
	m.events = append(m.events, happening{at, text, style})
}

// listed returns the accounts, those that need a person first.
func (m *Model) listed() (needy, others []api.Account) {
	for _, a := range m.accounts {
		if needsPerson(a) {
			needy = append(needy, a)
		} else {
			others = append(others, a)
		}
	}
	byName := func(a, b api.Account) int { return cmp.Compare(a.Name, b.Name) }
	slices.SortFunc(needy, byName)
	slices.SortFunc(others, byName)
	return needy, others
}

// needsPerson reports whether a is at a standstill until a person does something.
func needsPerson(a api.Account) bool {
	return a.State == api.StateLoginRequired || a.State == api.StateError
}

// locked reports whether nothing but an unlock is needed: one line says it for all accounts.
func (m *Model) locked() bool { return m.status.Store.State == "locked" }

// current returns the chosen account: the first one if none was chosen, or it is gone.
func (m *Model) current() (a api.Account, ok bool) {
	needy, others := m.listed()
	all := slices.Concat(needy, others)
	if i := slices.IndexFunc(all, func(a api.Account) bool { return a.Name == m.selected }); i >= 0 {
		return all[i], true
	}
	if len(all) > 0 {
		return all[0], true
	}
	return a, false
}

// move chooses the account that is by further down.
func (m *Model) move(by int) {
	needy, others := m.listed()
	all := slices.Concat(needy, others)
	if len(all) == 0 {
		return
	}
	a, _ := m.current()
	i := slices.IndexFunc(all, func(x api.Account) bool { return x.Name == a.Name })
	m.selected = all[min(max(i+by, 0), len(all)-1)].Name
}

// standing says how a is, in a few words.
func standing(a api.Account) string {
	switch a.State {
	case api.StateReady:
		if a.Refreshing {
			return "refreshing"
		}
		if a.Degraded {
			return "ready, not saved yet"
		}
		return "ready"
	case api.StateLoginRequired:
		return "needs a login"
	case api.StateLocked:
		return "locked"
	}
	return "error"
}

func styleOf(a api.Account) Style {
	switch {
	case a.State == api.StateReady && !a.Degraded:
		return Good
	case a.State == api.StateError, a.State == api.StateLoginRequired:
		return Bad
	}
	return Warning
}

// callerName says which program c is.
func callerName(c api.Caller) string {
	name := path.Base(strings.ReplaceAll(c.Executable, `\`, "/"))
	if c.Executable == "" {
		name = "a program"
	}
	return fmt.Sprintf("%s (pid %d)", name, c.PID)
}
