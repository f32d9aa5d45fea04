package main

import (
	"path/filepath"
	"strings"
	"testing"

	"oauthd/daemon/oauthtest"

	"github.com/creack/pty"
)

// The passphrase is asked for at the terminal, twice when the store is new, and never shows.
func TestUnlockAtATerminal(t *testing.T) {
	s := newSeat(t, oauthtest.Config{})
	s.write(t, filepath.Join("home", ".config", "oauthd", "config.toml"), "[keystore]\nbackend = \"file\"\n")
	defer func() {
		if exit, _, stderr := s.run(t, "", "oauthd", "stop"); exit != 0 {
			t.Errorf("stop: got exit %d, %s", exit, stderr)
		}
	}()
	window := pty.Winsize{Rows: 24, Cols: 80}
	for _, step := range []struct {
		name    string
		answers []string // question, answer
		exit    int
		says    string
	}{
		{"two that differ, and then two that do not", []string{
			"A passphrase for the new file store", "hunter2 one", "The same again", "hunter2 two",
			"the two passphrases differ", "", "A passphrase for the new file store", "hunter2 one", "The same again", "hunter2 one",
		}, 0, "unlocked"},
		{"a wrong one, and then the right one", []string{
			"Passphrase of the file store", "hunter2 two", "the passphrase is wrong; try again", "", "Passphrase of the file store", "hunter2 one",
		}, 0, "unlocked"},
		{"given up", []string{"Passphrase of the file store", ctrlC}, 130, "oauthd: interrupted"},
	} {
		p := s.start(t, window, "", "unlock")
		for i := 0; i < len(step.answers); i += 2 {
			p.await(t, step.answers[i])
			if answer := step.answers[i+1]; answer != "" { // else it says what is wrong
				p.hides(t)
				p.press(t, answer+enter)
			}
		}
		p.await(t, step.says)
		p.wantExit(t, step.exit)
		if strings.Contains(p.shown(), "hunter2") {
			t.Errorf("%s: the passphrase shows", step.name)
		}
		if step.exit == 0 {
			if exit, _, stderr := s.run(t, "", "oauthd", "lock"); exit != 0 {
				t.Fatalf("lock: got exit %d, %s", exit, stderr)
			}
		}
	}
}
