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
// be called again, or something is written to w, or [EndProgress] is called. It shows nothing if w is not a terminal.
func Progress(w io.Writer, text string) (stop func()) {
	d := DisplayOf(w)
	s, ok := w.(*screen)
	if !ok || d.Columns == 0 || os.Getenv("TERM") == "dumb" {
		return func() {}
	}
	ended, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		spin(s.to, Shorten(text, d.Columns-3), ended) // a line that wraps cannot be taken back
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

// EndProgress takes a spinner off w, and returns when it is gone.
func EndProgress(w io.Writer) {
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
