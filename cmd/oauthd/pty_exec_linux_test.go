package main

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"oauthd/daemon/oauthtest"

	"github.com/creack/pty"
)

// withAccount has ada logged in as work, through a browser that agrees.
func withAccount(t *testing.T) *seat {
	t.Helper()
	s := newSeat(t, oauthtest.Config{})
	s.env = append(s.env, "BROWSER=agent allow %s")
	exit, _, stderr := s.run(t, "", "oauthd", "login", "work", "--issuer", s.provider.Issuer(), "--client-id", "native", "--scope", "openid")
	if exit != 0 {
		t.Fatalf("log in: got exit status %d, %s", exit, stderr)
	}
	return s
}

func TestExecHasTheTerminal(t *testing.T) {
	for _, how := range []string{"-e", "-f"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			s := withAccount(t)
			p := s.start(t, pty.Winsize{Rows: 31, Cols: 97}, "", "exec", how, "TOKEN=work", "--", "sh", "-c",
				`trap 'echo caught $((n = n + 1))' INT; stty size; read line; echo "read $line"; echo wait; until read line; do :; done; exit 9`)
			p.await(t, "31 97")
			p.press(t, "words"+enter)
			p.await(t, "read words", "wait")
			p.press(t, ctrlC)
			p.await(t, "caught 1")
			p.press(t, ctrlC)
			p.await(t, "caught 2")
			p.press(t, enter)
			p.wantExit(t, 9)
			if got := strings.Count(p.screen.String(), "caught"); got != 2 {
				t.Errorf("the program caught %d signals for two Ctrl-C", got)
			}
		})
	}
}

// TestExecIsStoppedAndContinued has a shell with job control stop the program and bring it back.
func TestExecIsStoppedAndContinued(t *testing.T) {
	s := withAccount(t)
	keyboard, tty, err := pty.Open()
	if err != nil {
		t.Fatalf("open a terminal: %v", err)
	}
	defer keyboard.Close()
	const script = `oauthd exec -f TOKEN=work -- sh -c 'echo ready; read line; test -e "$TOKEN" && echo "went on"; kill -TERM $$'
echo "stopped $?"
fg >/dev/null
echo "ended $?"`
	cmd := exec.Command("/bin/sh", "-m", "-c", script)
	cmd.Dir, cmd.Env = s.dir, s.env
	cmd.Stdin, cmd.Stdout, cmd.Stderr = tty, tty, tty
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = tty.Close()
	p := &program{keyboard: keyboard}
	read := make(chan struct{})
	go func() {
		defer close(read)
		_, _ = io.Copy(&p.screen, keyboard) // until the last program has closed the terminal
	}()
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
		<-read
	})
	p.await(t, "ready")
	p.press(t, "\x1a") // Ctrl-Z
	p.await(t, "stopped 148")
	p.press(t, enter)
	p.await(t, "went on", "ended 143")
}

// TestExecLeavesIgnoredSignalsIgnored looks at what nohup, or an & in a script, has had ignored.
func TestExecLeavesIgnoredSignalsIgnored(t *testing.T) {
	s := withAccount(t)
	exit, stdout, stderr := s.run(t, "", "sh", "-c",
		`trap "" INT HUP; exec oauthd exec -e TOKEN=work -- grep SigIgn /proc/self/status`)
	ignored := regexp.MustCompile(`SigIgn:\s*[0-9a-f]*3\n`) // signals 1 and 2
	if exit != 0 || !ignored.MatchString(stdout) {
		t.Errorf("got exit status %d, %q, %s, want SIGHUP and SIGINT ignored", exit, stdout, stderr)
	}
}

func TestTokenLogsInAtATerminal(t *testing.T) {
	for _, args := range [][]string{
		{"token", "work", "--login"},
		{"exec", "--login", "-e", "TOKEN=work", "--", "printenv", "TOKEN"},
		{"exec", "--login", "-f", "TOKEN=work", "--", "sh", "-c", `cat "$TOKEN"; echo`},
	} {
		t.Run(strings.Join(args[:2], " "), func(t *testing.T) {
			t.Parallel()
			s := withAccount(t)
			if exit, _, stderr := s.run(t, "", "oauthd", "logout", "work"); exit != 0 {
				t.Fatalf("log out: got exit status %d, %s", exit, stderr)
			}
			p := s.start(t, pty.Winsize{Rows: 24, Cols: 80}, ">out", args...)
			p.await(t, "work needs a login", "Waiting for the browser", "work: logged in as ada")
			p.wantExit(t, 0)
			out, err := os.ReadFile(filepath.Join(s.dir, "out"))
			if !regexp.MustCompile(`^at-[A-Z2-7]+\n$`).Match(out) || err != nil {
				t.Errorf("standard output has %d bytes, %v, want the token alone", len(out), err)
			}
		})
	}
}

// TestScopeIsAddedByLogin asks at a terminal for a scope that was not granted.
func TestScopeIsAddedByLogin(t *testing.T) {
	s := withAccount(t)
	p := s.start(t, pty.Winsize{Rows: 24, Cols: 80}, ">out", "token", "work", "--login", "--scope", "email")
	p.await(t, "work was not granted email", "granted: openid email")
	p.wantExit(t, 0)
}

// TestExecFileGoesWithTheProgram ends programs in every way, and looks for what they leave.
func TestExecFileGoesWithTheProgram(t *testing.T) {
	s := withAccount(t)
	left := func() bool {
		files, err := filepath.Glob(filepath.Join(s.runtimeDir(t), "oauthd", "files", "*"))
		return err == nil && len(files) == 0
	}
	for _, end := range []string{"exit 0", "exit 3", "kill -TERM $$", "kill -KILL $$", "kill -SEGV $$"} {
		exit, stdout, stderr := s.run(t, "", "oauthd", "exec", "-f", "TOKEN=work", "--", "sh", "-c", `test -s "$TOKEN" && echo "$TOKEN"; `+end)
		if !strings.Contains(stdout, "/oauthd/files/work.") {
			t.Errorf("%s: got exit status %d, %q, %s, want a path", end, exit, stdout, stderr)
		}
		began := time.Now()
		if !poll(left) {
			t.Fatalf("%s: the file stays", end)
		}
		t.Logf("%s: the file was gone within %v", end, time.Since(began).Round(time.Millisecond))
	}
}

func (s *seat) runtimeDir(t *testing.T) string {
	t.Helper()
	for _, entry := range s.env {
		if dir, ok := strings.CutPrefix(entry, "XDG_RUNTIME_DIR="); ok {
			return dir
		}
	}
	t.Fatal("the seat has no runtime directory")
	return ""
}
