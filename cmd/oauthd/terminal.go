package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"oauthd/ipc/api"

	"golang.org/x/term"
)

// display is what is known about the screen behind a stream. The zero value is a pipe or a file: whatever is written there
// has no colours and no end of the line.
type display struct {
	columns, rows int
	colours       bool
}

// displayOf looks at the stream behind w, which may be resized between two calls.
func displayOf(w io.Writer) display {
	f, ok := raw(w).(*os.File)
	if !ok || !isTerminal(f) {
		return display{}
	}
	d := display{columns: 80, rows: 24}
	if columns, rows, err := term.GetSize(int(f.Fd())); err == nil && columns > 0 && rows > 0 {
		d.columns, d.rows = columns, rows
	}
	d.colours = os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && showsColours(f) // https://no-color.org
	return d
}

// style is how a word stands out on a terminal with colours (ECMA-48, SGR).
type style string

const (
	plain  style = ""
	bold   style = "1"
	dim    style = "2"
	red    style = "31"
	green  style = "32"
	yellow style = "33"
	cyan   style = "36"
)

// paint returns text, filtered, in a style if the display has colours. It is to be written to [raw].
func (d display) paint(s style, text string) string {
	text = api.Printable(text)
	if s == plain || text == "" || !d.colours {
		return text
	}
	return "\x1b[" + string(s) + "m" + text + "\x1b[0m"
}

// styled is an argument for [say]: a text in a style.
type styled struct {
	style style
	text  string
}

// spinnerDelay is how long something takes before a person wants to know what it is.
const spinnerDelay = 300 * time.Millisecond

var spinnerFrames = []rune(`⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏`)

// progress shows text, which is ours, with something that moves, when 0.3 s have gone by: until stop is called, which may
// be called again, or something is written to w, or a person is asked ([endProgress]). It is silent if w is not a terminal.
func progress(w io.Writer, text string) (stop func()) {
	d := displayOf(w)
	s, ok := w.(*screen)
	if !ok || d.columns == 0 || os.Getenv("TERM") == "dumb" {
		return func() {}
	}
	ended, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		spin(s.to, shorten(text, d.columns-3), ended) // a line that wraps cannot be taken back
	}()
	stop = sync.OnceFunc(func() {
		close(ended)
		<-done
	})
	s.mu.Lock()
	s.spinner = stop
	s.mu.Unlock()
	return stop
}

// endProgress takes a spinner off w, and returns when it is gone.
func endProgress(w io.Writer) {
	s, ok := w.(*screen)
	if !ok {
		return
	}
	s.mu.Lock()
	stop := s.spinner
	s.spinner = nil
	s.mu.Unlock()
	if stop != nil {
		stop()
	}
}

// spin shows text until ended is closed.
func spin(terminal io.Writer, text string, ended <-chan struct{}) {
	frame := time.NewTimer(spinnerDelay)
	defer frame.Stop()
	for i := 0; ; i++ {
		select {
		case <-ended:
			if i > 0 {
				fmt.Fprint(terminal, "\r\x1b[K")
			}
			return
		case <-frame.C:
			frame.Reset(120 * time.Millisecond)
		}
		fmt.Fprintf(terminal, "\r%c %s\x1b[K", spinnerFrames[i%len(spinnerFrames)], text)
	}
}
