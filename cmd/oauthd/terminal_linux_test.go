package main

import (
	"bytes"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/creack/pty"
)

// openTerminal returns a terminal of that size, and what reads everything written to it: until now, and until its end.
func openTerminal(t *testing.T, columns, rows uint16) (tty *os.File, shown, end func() string) {
	t.Helper()
	keyboard, tty, err := pty.Open()
	if err != nil {
		t.Fatalf("open a terminal: %v", err)
	}
	if err := pty.Setsize(tty, &pty.Winsize{Cols: columns, Rows: rows}); err != nil {
		t.Fatal(err)
	}
	var all transcript
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.Copy(&all, keyboard)
	}()
	shown = func() string { return strings.ReplaceAll(all.String(), "\r\n", "\n") }
	end = func() string {
		_ = tty.Close() // whereupon the reader gets an error
		<-done
		return shown()
	}
	t.Cleanup(func() { end(); _ = keyboard.Close() })
	return tty, shown, end
}

func TestDisplay(t *testing.T) {
	for _, test := range []struct {
		name, term, noColor string
		columns, rows       uint16
		want                display
	}{
		{"a terminal", "xterm", "", 120, 40, display{120, 40, true}},
		{"one that does not know its size", "xterm", "", 0, 0, display{80, 24, true}},
		{"a dumb one", "dumb", "", 80, 24, display{80, 24, false}},
		{"NO_COLOR", "xterm", "1", 80, 24, display{80, 24, false}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv("TERM", test.term)
			t.Setenv("NO_COLOR", test.noColor)
			tty, _, _ := openTerminal(t, test.columns, test.rows)
			if got := displayOf(&screen{to: tty}); got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
	if got := displayOf(&screen{to: &bytes.Buffer{}}); got != (display{}) {
		t.Errorf("no terminal: got %+v, want nothing", got)
	}
}

func TestSayInColour(t *testing.T) {
	t.Setenv("TERM", "xterm")
	t.Setenv("NO_COLOR", "")
	type kind string
	write := func(w *screen) {
		say(w, "%s is %s: %s, %d\n", "wo\x1b[31mrk", styled{red, "lo\x1b[0mst"}, kind("\x1b]0;x"), 7)
	}
	tty, _, end := openTerminal(t, 80, 24)
	write(&screen{to: tty})
	if got, want := end(), "wo[31mrk is \x1b[31mlo[0mst\x1b[0m: ]0;x, 7\n"; got != want {
		t.Errorf("a terminal: got %q, want %q", got, want)
	}
	var pipe bytes.Buffer
	write(&screen{to: &pipe})
	if got, want := pipe.String(), "wo[31mrk is lo[0mst: ]0;x, 7\n"; got != want {
		t.Errorf("a pipe: got %q, want %q", got, want)
	}
}

func TestProgress(t *testing.T) {
	t.Setenv("TERM", "xterm")
	tty, shown, end := openTerminal(t, 30, 24)
	stop := progress(&screen{to: tty}, "Waiting")
	stop()
	if got := shown(); got != "" {
		t.Errorf("something quick: got %q, want nothing", got)
	}
	stop = progress(&screen{to: tty}, "Waiting for the provider to answer at last")
	if !poll(func() bool { return strings.Contains(shown(), "⠙ Waiting for t…nswer at last\x1b[K") }) {
		t.Errorf("something slow: got %q, want a spinner on one line", shown())
	}
	stop()
	stop()
	if got := end(); !strings.HasSuffix(got, "\r\x1b[K") || strings.Contains(got, "\n") {
		t.Errorf("at its end: got %q, want it gone", got)
	}
	var pipe bytes.Buffer
	progress(&screen{to: &pipe}, "Waiting")()
	if pipe.Len() > 0 {
		t.Errorf("a pipe: got %q, want nothing", &pipe)
	}
}
