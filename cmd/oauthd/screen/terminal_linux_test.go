package screen

import (
	"bytes"
	"strings"
	"testing"

	"oauthd/cmd/oauthd/screen/screentest"
)

func TestDisplay(t *testing.T) {
	for _, test := range []struct {
		name, term, noColor string
		columns, rows       uint16
		want                Display
	}{
		{"a terminal", "xterm", "", 120, 40, Display{120, 40, true}},
		{"one that does not know its size", "xterm", "", 0, 0, Display{80, 24, true}},
		{"a dumb one", "dumb", "", 80, 24, Display{80, 24, false}},
		{"NO_COLOR", "xterm", "1", 80, 24, Display{80, 24, false}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv("TERM", test.term)
			t.Setenv("NO_COLOR", test.noColor)
			terminal := screentest.Open(t, test.columns, test.rows)
			if got := DisplayOf(On(terminal.TTY)); got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
	if got := DisplayOf(&screen{to: &bytes.Buffer{}}); got != (Display{}) {
		t.Errorf("no terminal: got %+v, want nothing", got)
	}
}

func TestSayInColour(t *testing.T) {
	t.Setenv("TERM", "xterm")
	t.Setenv("NO_COLOR", "")
	type kind string
	write := func(w *screen) {
		Say(w, "%s is %s: %s, %d\n", "wo\x1b[31mrk", Styled(Red, "lo\x1b[0mst"), kind("\x1b]0;x"), 7)
	}
	terminal := screentest.Open(t, 80, 24)
	write(&screen{to: terminal.TTY})
	if got, want := terminal.End(), "wo[31mrk is \x1b[31mlo[0mst\x1b[0m: ]0;x, 7\n"; got != want {
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
	terminal := screentest.Open(t, 30, 24)
	stop := Progress(On(terminal.TTY), "Waiting")
	stop()
	if got := terminal.Shown(); got != "" {
		t.Errorf("something quick: got %q, want nothing", got)
	}
	stop = Progress(On(terminal.TTY), "Waiting for the provider to answer at last")
	if !terminal.Shows("⠙ Waiting for t…nswer at last\x1b[K") {
		t.Errorf("something slow: got %q, want a spinner on one line", terminal.Shown())
	}
	stop()
	stop()
	if got := terminal.End(); !strings.HasSuffix(got, "\r\x1b[K") || strings.Contains(got, "\n") {
		t.Errorf("at its end: got %q, want it gone", got)
	}
	var pipe bytes.Buffer
	Progress(&screen{to: &pipe}, "Waiting")()
	if pipe.Len() > 0 {
		t.Errorf("a pipe: got %q, want nothing", &pipe)
	}
}

// Of two waits, one in the other, the outer one shows, until it is over.
func TestProgressInProgress(t *testing.T) {
	t.Setenv("TERM", "xterm")
	terminal := screentest.Open(t, 80, 24)
	w := On(terminal.TTY)
	over := Progress(w, "Outer")
	Progress(w, "Inner")()
	if !terminal.Shows("⠙ Outer\x1b[K") {
		t.Errorf("got %q, want the outer one", terminal.Shown())
	}
	over()
	over = Progress(w, "Next")
	if !terminal.Shows("⠋ Next\x1b[K") {
		t.Errorf("got %q, want the next one", terminal.Shown())
	}
	over()
	if got := terminal.End(); strings.Contains(got, "Inner") || !strings.HasSuffix(got, "\r\x1b[K") {
		t.Errorf("got %q, want nothing of the inner one, and all taken off", got)
	}
}
