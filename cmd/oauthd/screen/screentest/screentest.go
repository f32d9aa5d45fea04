// Package screentest gives tests a terminal.
package screentest

import (
	"bytes"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"
)

// Terminal is a pseudo-terminal, and all that was written to it.
type Terminal struct {
	TTY *os.File // what a program under test writes to

	done  chan struct{} // closed when nothing more can come
	mu    sync.Mutex    // guards the fields below
	text  bytes.Buffer
	grown chan struct{} // closed when text grows
}

// Open returns a terminal of that size, which ends with the test. Windows has none.
func Open(t testing.TB, columns, rows uint16) *Terminal {
	t.Helper()
	keyboard, tty, err := pty.Open()
	if err != nil {
		t.Fatalf("open a terminal: %v", err)
	}
	if err := pty.Setsize(tty, &pty.Winsize{Cols: columns, Rows: rows}); err != nil {
		t.Fatal(err)
	}
	terminal := &Terminal{TTY: tty, done: make(chan struct{}), grown: make(chan struct{})}
	go terminal.read(keyboard)
	t.Cleanup(func() { terminal.End(); _ = keyboard.Close() })
	return terminal
}

func (t *Terminal) read(keyboard *os.File) {
	defer close(t.done)
	buffer := make([]byte, 4096)
	for {
		n, err := keyboard.Read(buffer)
		if err != nil {
			return
		}
		t.mu.Lock()
		t.text.Write(buffer[:n])
		close(t.grown)
		t.grown = make(chan struct{})
		t.mu.Unlock()
	}
}

// Shown returns what was written until now.
func (t *Terminal) Shown() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.ReplaceAll(t.text.String(), "\r\n", "\n")
}

// Shows waits until text was written, and reports whether it ever was.
func (t *Terminal) Shows(text string) bool {
	patience := time.NewTimer(30 * time.Second)
	defer patience.Stop()
	for {
		t.mu.Lock()
		grown := t.grown
		t.mu.Unlock()
		if strings.Contains(t.Shown(), text) {
			return true
		}
		select {
		case <-grown:
		case <-t.done:
			return strings.Contains(t.Shown(), text)
		case <-patience.C:
			return false
		}
	}
}

// End closes the terminal and returns all that was written to it.
func (t *Terminal) End() string {
	_ = t.TTY.Close() // which ends the reader
	<-t.done
	return t.Shown()
}
