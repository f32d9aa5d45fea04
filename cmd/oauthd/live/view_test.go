package live

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"oauthd/ipc/api"
)

var update = flag.Bool("update", false, "write the golden files anew")

// render puts rows on a grid of characters.
func render(rows []Row, width int) string {
	var text strings.Builder
	for _, row := range rows {
		line := []rune(strings.Repeat(" ", width))
		for i, cell := range row {
			end := width
			if i+1 < len(row) {
				end = min(end, row[i+1].X)
			}
			for x, r := range []rune(cell.Text) {
				if at := cell.X + x; at < end {
					line[at] = r
				}
			}
		}
		text.WriteString(strings.TrimRight(string(line), " ") + "\n")
	}
	return text.String()
}

func now() time.Time { return time.Date(2026, 3, 2, 9, 30, 0, 0, time.Local) }

func in(d time.Duration) *time.Time { return new(now().Add(d)) }

// filled is a Model with an account of each kind.
func filled() *Model {
	m := NewModel()
	m.SetStatus(api.Status{
		PID: 4711, Version: "0.1.0", Store: api.Store{Backend: "keychain", State: "ok"},
		Accounts: []api.Account{
			{Name: "work", Email: "ada@example.com", State: api.StateReady, ExpiresAt: in(52 * time.Minute), NextRefreshAt: in(47 * time.Minute)},
			{Name: "mail", Email: "a.very.long.name.of.somebody@department.example.com", State: api.StateReady, ExpiresAt: in(9 * time.Minute), NextRefreshAt: in(4 * time.Minute)},
			{Name: "drive", Email: "ada@example.com", State: api.StateReady, ExpiresAt: in(30 * time.Minute), LoginEndsAt: in(50 * time.Hour)},
			{Name: "corp", Subject: "248289761001", State: api.StateLoginRequired, LoginAsked: true, LoginCallers: 3,
				LastError: &api.Error{Message: "corp needs a login: the provider has ended this login"}},
			{Name: "git", Provider: "github", State: api.StateError, LastError: &api.Error{Message: "github.com cannot be reached"}},
			{Name: "robot", Provider: "google", State: api.StateReady, Refreshing: true},
		},
	})
	m.Apply(api.WatchEvent{Event: api.EventToken, Account: "work", ExpiresAt: in(time.Hour)}, now())
	m.Apply(api.WatchEvent{Event: api.EventAccount, Account: "git", Status: &api.Account{Name: "git", Provider: "github", State: api.StateReady, ExpiresAt: in(8 * time.Hour)}}, now().Add(time.Minute))
	return m
}

func TestView(t *testing.T) {
	for _, test := range []struct {
		name          string
		width, height int
		model         func() *Model
	}{
		{"80x24", 80, 24, filled},
		{"120x40", 120, 40, filled},
		{"40x12", 40, 12, filled},
		{"tiny", 20, 5, filled},
		{"connecting", 80, 24, NewModel},
		{"no-accounts", 80, 24, func() *Model {
			m := NewModel()
			m.SetStatus(api.Status{PID: 1, Version: "0.1.0", Store: api.Store{Backend: "file", State: "ok"}})
			return m
		}},
		{"locked", 80, 24, func() *Model {
			m := filled()
			s := m.status
			s.Store.State = "locked"
			for i := range s.Accounts {
				s.Accounts[i].State, s.Accounts[i].ExpiresAt, s.Accounts[i].LastError = api.StateLocked, nil, nil
			}
			m.SetStatus(s)
			return m
		}},
		{"lost", 80, 24, func() *Model {
			m := filled()
			m.Lost(&api.Error{Code: api.NoDaemon, Message: "no daemon is running"}, now())
			return m
		}},
		{"question", 80, 24, func() *Model {
			m := filled()
			m.Press("down")
			m.Press("o")
			return m
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			rows := test.model().View(test.width, test.height, now())
			if len(rows) > test.height {
				t.Errorf("got %d rows, want %d at most", len(rows), test.height)
			}
			got := render(rows, test.width)
			golden := filepath.Join("testdata", test.name+".txt")
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got != strings.ReplaceAll(string(want), "\r\n", "\n") {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// With many accounts the chosen one stays in sight, and so do the newest events.
func TestViewOfManyAccounts(t *testing.T) {
	m := NewModel()
	s := api.Status{PID: 1}
	for i := range 100 {
		s.Accounts = append(s.Accounts, api.Account{Name: "a" + string(rune('a'+i/26)) + string(rune('a'+i%26)), State: api.StateReady})
	}
	m.SetStatus(s)
	m.happened(now(), "something happened", Plain)
	for range 70 {
		m.Press("down")
	}
	rows := m.View(80, 24, now())
	text := render(rows, 80)
	if len(rows) != 24 || !strings.Contains(text, "> acs") || !strings.Contains(text, "something happened") {
		t.Errorf("got %d rows\n%s\nwant 24, with acs chosen, and the event", len(rows), text)
	}
}

func TestPress(t *testing.T) {
	for _, test := range []struct {
		name string
		keys []string
		want Action
	}{
		{"the first account", []string{"l"}, Action{Login, "corp"}},
		{"one further down", []string{"down", "down", "up", "r"}, Action{Refresh, "drive"}},
		{"beyond the last", []string{"down", "down", "down", "down", "down", "down", "down", "l"}, Action{Login, "work"}},
		{"before the first", []string{"up", "l"}, Action{Login, "corp"}},
		{"log out, after all", []string{"o", "y"}, Action{Logout, "corp"}},
		{"log out, not", []string{"o", "n"}, Action{}},
		{"another key is no yes", []string{"o", "q"}, Action{}},
		{"and then it counts again", []string{"o", "x", "q"}, Action{Verb: Quit}},
		{"lock", []string{"k"}, Action{Verb: Lock}},
		{"unlock", []string{"u"}, Action{Verb: Unlock}},
		{"ctrl-c", []string{"ctrl-c"}, Action{Verb: Quit}},
		{"nothing", []string{"z"}, Action{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := filled()
			var got Action
			for _, key := range test.keys {
				got = m.Press(key)
			}
			if got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
	if got := NewModel().Press("l"); got != (Action{}) {
		t.Errorf("without accounts: got %+v, want nothing", got)
	}
}

func TestCallersAreEvents(t *testing.T) {
	m := NewModel()
	s := api.Status{PID: 1, Callers: []api.Caller{{PID: 5, Account: "work", At: now()}}}
	m.SetStatus(s)
	if len(m.events) != 0 {
		t.Errorf("those from before: got %v, want none", m.events)
	}
	s.Callers = append([]api.Caller{{PID: 6, Executable: "/usr/bin/git", Account: "work", At: now()}, {PID: 7, Executable: `C:\bin\az.exe`, Account: "work", At: now()}}, s.Callers...)
	for range 2 {
		m.SetStatus(s)
	}
	var got []string
	for _, e := range m.events {
		got = append(got, e.text)
	}
	if want := "az.exe (pid 7) was given a token of work|git (pid 6) was given a token of work"; strings.Join(got, "|") != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestEventsAreBounded(t *testing.T) {
	m := filled()
	for range 3 * mostEvents {
		m.happened(now(), "x", Plain)
	}
	if len(m.events) != mostEvents {
		t.Errorf("got %d, want %d", len(m.events), mostEvents)
	}
}

func TestLostDaemonIsSaidOnce(t *testing.T) {
	m := filled()
	before := len(m.events)
	for range 3 {
		m.Lost(errors.New("gone"), now())
	}
	if got := len(m.events) - before; got != 1 {
		t.Errorf("got %d events, want 1", got)
	}
	m.SetStatus(m.status)
	if m.problem != "" {
		t.Errorf("got problem %q after it came back", m.problem)
	}
}
