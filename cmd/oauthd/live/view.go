package live

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"oauthd/cmd/oauthd/screen"
	"oauthd/ipc/api"
)

// Style is how a text looks.
type Style int

// The styles. Without colours they differ by bold and dim alone.
const (
	Plain Style = iota
	Dim
	Strong
	Good
	Warning
	Bad
	// Chosen is the account that the keys are about.
	Chosen
)

// Cell is a text at a place of a row; it ends where the next cell begins.
type Cell struct {
	X     int
	Text  string
	Style Style
}

// Row is one line of the screen.
type Row []Cell

// leastWidth and leastHeight are how wide and high a screen must be for anything of use.
const leastWidth, leastHeight = 30, 8

// View returns the rows of a screen of that size.
func (m *Model) View(width, height int, now time.Time) []Row {
	if width < leastWidth || height < leastHeight {
		return []Row{{{0, "too small", Warning}}}
	}
	rows := m.head(width, now)
	foot := m.foot()
	room := height - len(rows) - len(foot)
	needy, others := m.listed()
	if m.locked() {
		needy, others = nil, slices.Concat(needy, others)
	}
	body := room
	if want := m.wanted(len(needy), len(others)); want < room {
		body = want
	}
	// Events get what is left, and a third at least if there are any.
	if least := min(room/3, len(m.events)+2); len(m.events) > 0 && room-body < least {
		body = room - least
	}
	rows = append(rows, m.list(width, body, needy, others, now)...)
	rows = append(rows, m.history(height-len(rows)-len(foot))...)
	for len(rows) < height-len(foot) {
		rows = append(rows, nil)
	}
	return append(rows, foot...)
}

// wanted is how many rows the lists would like.
func (m *Model) wanted(needy, others int) int {
	rows := 0
	if needy > 0 {
		rows += 2 + 2*needy
	}
	if others > 0 {
		rows += 2 + others
	}
	return max(rows, 2)
}

func (m *Model) head(width int, now time.Time) []Row {
	clock := now.Format("15:04:05")
	title := "oauthd " + m.status.Version
	store := "store " + m.status.Store.Backend + ", " + m.status.Store.State
	if m.status.PID == 0 {
		store = "connecting"
	}
	head := Row{{0, title, Strong}, {len(title) + 3, store, Dim}}
	if width > len(title)+3+len(store)+3+len(clock) {
		head = append(head, Cell{width - len(clock), clock, Dim})
	}
	rows := []Row{head}
	switch {
	case m.problem != "":
		rows = append(rows, Row{{0, "The daemon does not answer: " + m.problem + ". Waiting for it.", Bad}})
	case m.locked():
		rows = append(rows, Row{{0, "Locked: no tokens are given. Press u to unlock.", Warning}})
	}
	return append(rows, nil)
}

// list shows the accounts in that many rows.
func (m *Model) list(width, height int, needy, others []api.Account, now time.Time) (rows []Row) {
	if m.status.PID == 0 {
		return nil
	}
	if len(needy)+len(others) == 0 {
		return []Row{{{0, "No accounts yet. oauthd login adds one.", Plain}}, nil}
	}
	chosen, _ := m.current()
	line := 0 // of the chosen account
	columns := columnsFor(width, slices.Concat(needy, others))
	if len(needy) > 0 {
		rows = append(rows, Row{{0, "NEEDS YOU", Strong}})
		for _, a := range needy {
			if a.Name == chosen.Name {
				line = len(rows)
			}
			rows = append(rows, columns.row(a, a.Name == chosen.Name, m.whole[a.Name], now), Row{{4, m.why(a), Dim}})
		}
		rows = append(rows, nil)
	}
	if len(others) > 0 {
		rows = append(rows, columns.heading())
		for _, a := range others {
			if a.Name == chosen.Name {
				line = len(rows)
			}
			rows = append(rows, columns.row(a, a.Name == chosen.Name, m.whole[a.Name], now))
		}
		rows = append(rows, nil)
	}
	if len(rows) <= height {
		return rows
	}
	// The chosen account stays in sight, with what comes before and after.
	top := min(max(line-height/2, 0), len(rows)-height)
	return rows[top : top+max(height, 0)]
}

// why says what keeps a from giving tokens, and what is being done about it.
func (m *Model) why(a api.Account) string {
	why := "press l to log in"
	if a.LastError != nil {
		why = a.LastError.Message
	}
	if a.LoginAsked {
		why = "you are being asked on your desktop"
		if a.LoginCallers > 0 {
			why += fmt.Sprintf("; %d waiting", a.LoginCallers)
		}
	}
	return why
}

// columns are where the columns of the accounts begin; a narrow screen has no who and no bar, which are 0 then.
type columns struct{ who, state, bar, left int }

// narrow is how wide a screen must be for all columns.
const narrow = 64

// widths of what is the same for all accounts.
const (
	stateWidth = 15
	barWidth   = 10
	leftWidth  = 22
)

func columnsFor(width int, accounts []api.Account) columns {
	name, who := len("NAME"), len("WHO")
	for _, a := range accounts {
		name, who = max(name, screen.Width(a.Name)), max(who, screen.Width(identity(a)))
	}
	if width < narrow {
		name = min(name, max(width-2-stateWidth-10, 4))
		return columns{state: 2 + name + 2, left: 2 + name + 2 + stateWidth}
	}
	rest := max(width-2-stateWidth-barWidth-1-leftWidth-4, 8)
	name = min(name, max(rest/2, 4))
	who = min(who, max(rest-name, 4))
	c := columns{who: 2 + name + 2}
	c.state = c.who + who + 2
	c.bar = c.state + stateWidth
	c.left = c.bar + barWidth + 1
	return c
}

func (c columns) heading() Row {
	if c.who == 0 {
		return Row{{2, "NAME", Dim}, {c.state, "STATE", Dim}, {c.left, "TOKEN", Dim}}
	}
	return Row{{2, "NAME", Dim}, {c.who, "WHO", Dim}, {c.state, "STATE", Dim}, {c.bar, "TOKEN", Dim}}
}

func (c columns) row(a api.Account, chosen bool, whole time.Duration, now time.Time) Row {
	next := c.who
	if next == 0 {
		next = c.state
	}
	row := Row{{0, " ", Plain}, {2, screen.Shorten(api.Excerpt(a.Name), next-4), Plain}}
	if chosen {
		row[0], row[1].Style = Cell{0, ">", Strong}, Chosen
	}
	if c.who > 0 {
		row = append(row, Cell{c.who, screen.Shorten(api.Excerpt(identity(a)), c.state-c.who-2), Dim})
	}
	row = append(row, Cell{c.state, standing(a), styleOf(a)})
	if a.ExpiresAt != nil && a.ExpiresAt.After(now) {
		left := a.ExpiresAt.Sub(now)
		if c.bar > 0 {
			row = append(row, Cell{c.bar, bar(left, whole), styleOf(a)})
		}
		row = append(row, Cell{c.left, screen.Span(left) + ahead(a, now), Plain})
	}
	if text := ending(a, now); text != "" {
		row[len(row)-1] = Cell{c.left, text, Warning}
	}
	return row
}

// ahead says when the token is refreshed.
func ahead(a api.Account, now time.Time) string {
	if a.NextRefreshAt == nil {
		return ""
	}
	return ", new in " + screen.Span(a.NextRefreshAt.Sub(now))
}

// ending says that the login itself ends in the next days.
func ending(a api.Account, now time.Time) string {
	if a.LoginEndsAt == nil || a.ExpiresAt == nil || !a.ExpiresAt.After(now) || a.LoginProlonged || a.LoginEndsAt.Sub(now) > 3*24*time.Hour || needsPerson(a) {
		return ""
	}
	return "login ends in " + screen.Span(a.LoginEndsAt.Sub(now))
}

func identity(a api.Account) string { return cmp.Or(a.Email, a.Subject, a.Provider) }

// bar draws how much of whole is left. Until a token was seen to come, whole is 0 and an hour is a fair guess.
func bar(left, whole time.Duration) string {
	if whole == 0 {
		whole = time.Hour
	}
	whole = max(whole, left)
	full := int((left*barWidth + whole - 1) / whole)
	return strings.Repeat("█", full) + strings.Repeat("░", barWidth-full)
}

// history shows the newest events in that many rows, the newest last.
func (m *Model) history(height int) []Row {
	if len(m.events) == 0 || height < 2 {
		return nil
	}
	rows := []Row{{{0, "EVENTS", Dim}}}
	for _, e := range m.events[max(len(m.events)-(height-1), 0):] {
		rows = append(rows, Row{{2, e.at.Local().Format("15:04:05"), Dim}, {12, api.Excerpt(e.text), e.style}})
	}
	return rows
}

func (m *Model) foot() []Row {
	if m.question != nil {
		return []Row{{{0, m.question.text + " y/n", Warning}}}
	}
	rows := []Row{{{0, "up/down choose   l log in   o log out   r refresh   k lock   u unlock   q quit", Dim}}}
	if m.notice != "" {
		rows = append([]Row{{{0, m.notice, Warning}}}, rows...)
	}
	return rows
}
