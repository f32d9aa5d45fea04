package main

import (
	"bytes"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/creack/pty"
)

// BenchmarkOverview measures oauthd alone at a terminal, a whole process, with a hundred accounts.
//
//	go test -run - -bench 'Overview|Completion' -benchtime 50x ./cmd/oauthd
func BenchmarkOverview(b *testing.B) {
	s := newScale(b, buildProgram(b), 100)
	s.start()
	keyboard, tty, err := pty.Open()
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = tty.Close(); _ = keyboard.Close() })
	if err := pty.Setsize(tty, &pty.Winsize{Rows: 24, Cols: 80}); err != nil {
		b.Fatal(err)
	}
	go func() {
		buffer := make([]byte, 4096)
		for {
			if _, err := keyboard.Read(buffer); err != nil {
				return
			}
		}
	}()
	s.processes(func(cmd *exec.Cmd) error {
		cmd.Stdout, cmd.Stderr = tty, tty
		return cmd.Run()
	})
}

// BenchmarkCompletion measures what a person waits for after Tab: a whole process that completes one of a hundred accounts.
func BenchmarkCompletion(b *testing.B) {
	s := newScale(b, buildProgram(b), 100)
	s.start()
	s.processes(func(cmd *exec.Cmd) error {
		out, err := cmd.Output()
		if !bytes.Contains(out, []byte(accountName(99))) {
			b.Fatalf("got %d bytes, %v, want the accounts", len(out), err)
		}
		return err
	}, "__complete", "token", "acc")
}

// processes runs the program again and again, and reports the median and the slowest.
func (s *scale) processes(run func(*exec.Cmd) error, args ...string) {
	var took []time.Duration
	for s.b.Loop() {
		cmd := exec.Command(s.program, args...)
		cmd.Env = append(slices.Clone(s.env), "TERM=xterm")
		began := time.Now()
		if err := run(cmd); err != nil {
			s.b.Fatal(err)
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	s.b.ReportMetric(float64(took[len(took)/2].Microseconds())/1e3, "p50-ms")
	s.b.ReportMetric(float64(took[len(took)-1].Microseconds())/1e3, "max-ms")
}
