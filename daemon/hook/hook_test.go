//go:build !windows

package hook_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"oauthd/daemon/hook"

	"github.com/rs/zerolog"
)

// lines is a log, and says when it has one line more.
type lines struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
	more chan struct{}
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n, err := l.text.Write(p)
	select {
	case l.more <- struct{}{}:
	default:
	}
	return n, err
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// running runs q until the test ends.
func running(t *testing.T, q *hook.Queue) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); q.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-ended })
}

func path() []string { return []string{"PATH=" + os.Getenv("PATH")} }

// pipe returns the path of a FIFO and what is written there.
func pipe(t *testing.T) (path string, read func() string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "out")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	return path, func() string {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
}

func TestCommandIsACleanChild(t *testing.T) {
	t.Setenv("SECRET_OF_THE_DAEMON", "x")
	out, read := pipe(t)
	q := &hook.Queue{Runner: hook.Runner{Env: path()}}
	running(t, q)
	q.Add(hook.Command{
		Argv:  []string{"sh", "-c", `{ env | grep -v ^_= | sort; pwd; tty; cat; echo "arg $1"; } >"$OUT" 2>&1`, "sh", "a b"},
		Facts: []string{"OUT=" + out, "OAUTHD_EVENT=login_required"},
	})
	got := read()
	for _, want := range []string{"OAUTHD_EVENT=login_required\n", "\n/\n", "not a tty\n", "arg a b\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("got %q, want %q in it", got, want)
		}
	}
	if strings.Contains(got, "SECRET_OF_THE_DAEMON") {
		t.Errorf("got %q, want none of the daemon's own environment", got)
	}
}

func TestOneAtATime(t *testing.T) {
	out, read := pipe(t)
	dir := t.TempDir()
	q := &hook.Queue{Runner: hook.Runner{Env: path()}}
	running(t, q)
	const n = 5
	for i := range n {
		script := fmt.Sprintf(`mkdir %[1]s/lock || exit 1; echo %[2]d >>%[1]s/order; rmdir %[1]s/lock; [ %[2]d = %[3]d ] && cat %[1]s/order >%[4]s; exit 0`,
			dir, i, n-1, out)
		q.Add(hook.Command{Argv: []string{"sh", "-c", script}})
	}
	if got, want := read(), "0\n1\n2\n3\n4\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestFailureIsLogged(t *testing.T) {
	for _, test := range []struct {
		name string
		argv []string
		want string
	}{
		{"an exit status", []string{"sh", "-c", "echo why; exit 3"}, "exit status 3: why"},
		{"no such program", []string{"/nonexistent/hook"}, "no such file"},
		{"control characters", []string{"sh", "-c", `printf 'a\033[31mb'; exit 1`}, "a[31mb"},
	} {
		t.Run(test.name, func(t *testing.T) {
			log := &lines{more: make(chan struct{}, 1)}
			q := &hook.Queue{Runner: hook.Runner{Env: path()}, Log: zerolog.New(log)}
			running(t, q)
			q.Add(hook.Command{Argv: test.argv})
			<-log.more
			if got := log.String(); !strings.Contains(got, test.want) {
				t.Errorf("got %q, want %q in it", got, test.want)
			}
		})
	}
}

func TestCommandLine(t *testing.T) {
	runner := hook.Runner{Env: path()}
	err := runner.Run(t.Context(), hook.Command{Line: `echo "$OAUTHD_EVENT $((1 + 1))"; exit 3`, Facts: []string{"OAUTHD_EVENT=a"}})
	if got, want := fmt.Sprint(err), "exit status 3: a 2"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestCommandThatTakesTooLong(t *testing.T) {
	runner := hook.Runner{Env: path(), Timeout: 20 * time.Millisecond}
	err := runner.Run(t.Context(), hook.Command{Argv: []string{"sleep", "1000"}})
	if got, want := fmt.Sprint(err), "it took longer than 20ms and was ended"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestTooManyCommands(t *testing.T) {
	log := &lines{more: make(chan struct{}, 1)}
	q := &hook.Queue{Log: zerolog.New(log)}
	for range 65 {
		q.Add(hook.Command{Argv: []string{"true"}})
	}
	if got := log.String(); strings.Count(got, "leaving out the oldest") != 1 {
		t.Errorf("got %q, want one left out", got)
	}
}

// What a command started ends with it.
func TestEndOfTheDaemonEndsTheCommand(t *testing.T) {
	held, _ := pipe(t)
	q := &hook.Queue{Runner: hook.Runner{Env: path()}}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); q.Run(ctx) }()
	q.Add(hook.Command{Argv: []string{"sh", "-c", "exec >" + held + "; sleep 1000 & echo up; wait"}})
	pipe, err := os.Open(held)
	if err != nil {
		t.Fatal(err)
	}
	defer pipe.Close()
	if _, err := io.ReadFull(pipe, make([]byte, len("up\n"))); err != nil {
		t.Fatal(err)
	}
	cancel()
	<-ended
	// The pipe ends when nobody holds it any more.
	if rest, err := io.ReadAll(pipe); err != nil || len(rest) > 0 {
		t.Errorf("got %q, %v, want the end", rest, err)
	}
}
