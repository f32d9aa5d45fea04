package live

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"sync"
	"testing"
	"time"

	"oauthd/ipc/api"

	"github.com/gdamore/tcell/v3"
	"github.com/gdamore/tcell/v3/vt"
)

// source is a daemon.
type source struct {
	mu     sync.Mutex // guards the fields below
	status api.Status
	err    error
	events chan api.WatchEvent
}

func (s *source) Status(context.Context) (api.Status, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.status, s.err
}

func (s *source) Watch(ctx context.Context, _ string) iter.Seq2[api.WatchEvent, error] {
	return func(yield func(api.WatchEvent, error) bool) {
		for {
			select {
			case e, ok := <-s.events:
				if !ok {
					yield(api.WatchEvent{}, &api.Error{Code: api.NoDaemon, Message: "no daemon is running"})
					return
				}
				if !yield(e, nil) {
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}
}

// terminal is one that keeps what it was sent.
type terminal struct {
	vt.MockTerm
	screen drawn
}

// drawn is a screen that says when something was drawn, and notes when the terminal is given to the person and taken back:
// the emulated terminal cannot be stopped and started again.
type drawn struct {
	tcell.Screen
	again chan struct{}
	given *[]string // belongs to the goroutine of Run
}

func (d drawn) Suspend() error {
	*d.given = append(*d.given, "given")
	return nil
}

func (d drawn) Resume() error {
	*d.given = append(*d.given, "taken back")
	return nil
}

func (d drawn) Show() {
	d.Screen.Show()
	select {
	case d.again <- struct{}{}:
	default:
	}
}

func newTerminal(t *testing.T, width, height int) *terminal {
	t.Helper()
	m := vt.NewMockTerm(vt.MockOptSize{X: vt.Col(width), Y: vt.Row(height)})
	screen, err := tcell.NewTerminfoScreenFromTty(m)
	if err != nil {
		t.Fatal(err)
	}
	return &terminal{m, drawn{screen, make(chan struct{}, 1), &[]string{}}}
}

// text is what the terminal shows.
func (m *terminal) text() string {
	size := m.Backend().GetSize()
	var text strings.Builder
	for y := range size.Y {
		for x := range size.X {
			text.WriteString(m.Backend().GetCell(vt.Coord{X: x, Y: y}).C)
		}
		text.WriteByte('\n')
	}
	return text.String()
}

// shows waits until the terminal shows a text.
func (m *terminal) shows(t *testing.T, want string) {
	t.Helper()
	limit := time.After(time.Minute)
	for !strings.Contains(m.text(), want) {
		select {
		case <-m.screen.again:
		case <-limit:
			t.Fatalf("got\n%s\nwant %q in it", m.text(), want)
		}
	}
}

func TestScreen(t *testing.T) {
	s := &source{events: make(chan api.WatchEvent), status: api.Status{
		PID: 1, Version: "0.1.0", Store: api.Store{Backend: "memory", State: "ok"},
		Accounts: []api.Account{{Name: "work", Email: "ada@example.com\x1b[31m", State: api.StateReady}},
	}}
	term := newTerminal(t, 80, 24)
	var done []Action
	ended := make(chan error, 1)
	go func() {
		ended <- Run(t.Context(), term.screen, s, Do{
			TakesTerminal: func(a Action) bool { return a.Verb == Login },
			Do: func(_ context.Context, a Action) string {
				done = append(done, a)
				*term.screen.given = append(*term.screen.given, fmt.Sprint(a.Verb))
				return "done it"
			},
		})
	}()
	term.shows(t, "ada@example.com")
	s.events <- api.WatchEvent{Event: api.EventToken, Account: "work", ExpiresAt: new(time.Now().Add(time.Hour))}
	term.shows(t, "work: new token")
	press := func(key rune) { term.screen.EventQ() <- tcell.NewEventKey(tcell.KeyRune, string(key), tcell.ModNone) }
	press('r')
	term.shows(t, "done it")
	press('l')
	term.shows(t, "q quit")
	s.mu.Lock()
	s.err = errors.New("gone")
	s.mu.Unlock()
	term.shows(t, "The daemon does not answer")
	press('q')
	if err := <-ended; err != nil {
		t.Errorf("got %v", err)
	}
	if len(done) != 2 || done[0] != (Action{Refresh, "work"}) || done[1] != (Action{Login, "work"}) {
		t.Errorf("did %+v, want a refresh and a login of work", done)
	}
	if got, want := fmt.Sprint(*term.screen.given), fmt.Sprint([]string{fmt.Sprint(Refresh), "given", fmt.Sprint(Login), "taken back"}); got != want {
		t.Errorf("the terminal: got %s, want %s", got, want)
	}
	if strings.ContainsRune(term.text(), '\x1b') {
		t.Error("an escape of a stranger reached the terminal")
	}
}

func TestLines(t *testing.T) {
	s := &source{events: make(chan api.WatchEvent)}
	go func() {
		s.events <- api.WatchEvent{Event: api.EventAccount, Account: "work", Status: &api.Account{Name: "work", State: api.StateReady}}
		s.events <- api.WatchEvent{Event: api.EventAccount, Account: "work", Status: &api.Account{Name: "work", State: api.StateLoginRequired}}
		s.events <- api.WatchEvent{Event: api.EventRemoved, Account: "work"}
		close(s.events)
	}()
	var out strings.Builder
	err := Lines(t.Context(), &out, s)
	if !errors.Is(err, &api.Error{Code: api.NoDaemon}) {
		t.Errorf("got %v, want that the daemon is gone", err)
	}
	var got []string
	for line := range strings.Lines(out.String()) {
		_, text, _ := strings.Cut(strings.TrimSpace(line), "  ")
		got = append(got, text)
	}
	if want := "work: ready|work: needs a login|work: the account was removed"; strings.Join(got, "|") != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
