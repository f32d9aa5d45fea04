package live

import (
	"context"
	"iter"
	"strings"
	"sync"
	"time"

	"oauthd/ipc/api"

	"github.com/gdamore/tcell/v3"
	"github.com/gdamore/tcell/v3/color"
)

const (
	// pollEvery is how often the daemon is asked about what no event reports: who asks for tokens, and the store.
	pollEvery = 2 * time.Second
	// awayPause is how long a daemon that is gone stays unasked.
	awayPause = time.Second
)

// Source is where the daemon's state comes from.
type Source interface {
	Status(ctx context.Context) (api.Status, error)
	Watch(ctx context.Context, account string) iter.Seq2[api.WatchEvent, error]
}

// Do does what the person wants, on the terminal, which is the person's until it returns if takesTerminal says so. It
// returns what to show afterwards.
type Do struct {
	TakesTerminal func(Action) bool
	Do            func(context.Context, Action) (notice string)
}

// Run shows the model on screen, which it initializes and gives back, until the person quits or ctx ends.
func Run(ctx context.Context, screen tcell.Screen, source Source, do Do) error {
	if err := screen.Init(); err != nil {
		return err
	}
	defer screen.Fini()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	news := make(chan func(*Model))
	var work sync.WaitGroup
	defer work.Wait()
	defer cancel()
	work.Go(func() { follow(ctx, source, news) })
	work.Go(func() { poll(ctx, source, news) })

	m := NewModel()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		draw(screen, m, time.Now())
		select {
		case change := <-news:
			change(m)
		case <-tick.C:
		case e, ok := <-screen.EventQ():
			if !ok {
				return nil
			}
			quit, err := handle(ctx, screen, m, e, do)
			if quit || err != nil {
				return err
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// handle takes in what the person did.
func handle(ctx context.Context, screen tcell.Screen, m *Model, e tcell.Event, do Do) (quit bool, err error) {
	switch e := e.(type) {
	case *tcell.EventResize:
		screen.Sync()
	case *tcell.EventKey:
		a := m.Press(keyName(e))
		switch {
		case a.Verb == Quit:
			return true, nil
		case a.Verb == Nothing:
			return false, nil
		case !do.TakesTerminal(a):
			m.Notice(do.Do(ctx, a))
			return false, nil
		}
		if err := screen.Suspend(); err != nil {
			return true, err
		}
		m.Notice(do.Do(ctx, a))
		return false, screen.Resume()
	}
	return false, nil
}

func keyName(e *tcell.EventKey) string {
	switch e.Key() {
	case tcell.KeyUp:
		return "up"
	case tcell.KeyDown:
		return "down"
	case tcell.KeyEsc:
		return "esc"
	case tcell.KeyCtrlC:
		return "ctrl-c"
	case tcell.KeyRune:
		if e.Modifiers()&tcell.ModCtrl != 0 {
			return "ctrl-" + strings.ToLower(e.Str())
		}
		return e.Str()
	}
	return ""
}

// follow passes the daemon's events on, and waits for it while it is away.
func follow(ctx context.Context, source Source, news chan<- func(*Model)) {
	for ctx.Err() == nil {
		for e, err := range source.Watch(ctx, "") {
			if err != nil {
				break // the poll shows it
			}
			send(ctx, news, func(m *Model) { m.Apply(e, time.Now()) })
		}
		pause(ctx, awayPause)
	}
}

func poll(ctx context.Context, source Source, news chan<- func(*Model)) {
	for ctx.Err() == nil {
		s, err := source.Status(ctx)
		if ctx.Err() != nil {
			return
		}
		send(ctx, news, func(m *Model) {
			if err != nil {
				m.Lost(err, time.Now())
				return
			}
			m.SetStatus(s)
		})
		pause(ctx, pollEvery)
	}
}

func send(ctx context.Context, news chan<- func(*Model), change func(*Model)) {
	select {
	case news <- change:
	case <-ctx.Done():
	}
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// draw puts the model on the screen.
func draw(screen tcell.Screen, m *Model, now time.Time) {
	width, height := screen.Size()
	screen.Clear()
	for y, row := range m.View(width, height, now) {
		for i, cell := range row {
			end := width
			if i+1 < len(row) {
				end = min(end, row[i+1].X)
			}
			put(screen, cell, y, end)
		}
	}
	screen.Show()
}

// put writes a cell up to the column end. A character that takes two columns does not stick out.
func put(screen tcell.Screen, cell Cell, y, end int) {
	rest := api.Printable(cell.Text)
	for x := cell.X; rest != "" && x < end; {
		next, width := screen.Put(x, y, rest, look(cell.Style))
		if width == 0 || x+width > end {
			screen.Put(x, y, " ", tcell.StyleDefault)
			return
		}
		rest, x = next, x+width
	}
}

// look is how a style looks. A terminal without colours, or with NO_COLOR, shows the attributes alone.
func look(s Style) tcell.Style {
	plain := tcell.StyleDefault
	switch s {
	case Dim:
		return plain.Dim(true)
	case Strong:
		return plain.Bold(true)
	case Good:
		return plain.Foreground(color.Green)
	case Warning:
		return plain.Foreground(color.Olive)
	case Bad:
		return plain.Foreground(color.Maroon).Bold(true)
	case Chosen:
		return plain.Bold(true).Reverse(true)
	}
	return plain
}
