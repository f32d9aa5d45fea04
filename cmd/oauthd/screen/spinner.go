package screen

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// spinnerDelay is how long something takes before a person wants to know what it is.
const spinnerDelay = 300 * time.Millisecond

var spinnerFrames = []rune(`⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏`)

// Progress shows text, which is ours, with something that moves, once 0.3 s have gone by: until stop is called, which may
// be called again, or something is written to w, or [EndProgress] is called. It shows nothing if w is not a terminal, or
// shows such a text already.
func Progress(w io.Writer, text string) (stop func()) {
	s, ok := w.(*screen)
	if !ok {
		return func() {}
	}
	d := DisplayOf(w)
	if d.Columns == 0 || os.Getenv("TERM") == "dumb" {
		return func() {}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.spinner != nil {
		return func() {}
	}
	shown := &spinner{ended: make(chan struct{}), gone: make(chan struct{})}
	s.spinner = shown
	go func() {
		defer close(shown.gone)
		spin(s.to, Shorten(text, d.Columns-3), shown.ended) // a line that wraps cannot be taken back
	}()
	return func() { s.end(shown) }
}

// spinner is what Progress shows.
type spinner struct {
	once        sync.Once
	ended, gone chan struct{} // closed when it is to go, and when it has
}

// EndProgress takes a spinner off w, and returns when it is gone.
func EndProgress(w io.Writer) {
	s, ok := w.(*screen)
	if !ok {
		return
	}
	s.mu.Lock()
	shown := s.spinner
	s.mu.Unlock()
	if shown != nil {
		s.end(shown)
	}
}

// end takes a spinner off, and returns when it is gone.
func (s *screen) end(shown *spinner) {
	shown.once.Do(func() { close(shown.ended) })
	<-shown.gone
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.spinner == shown {
		s.spinner = nil
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
