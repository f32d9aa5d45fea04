package main

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// departure waits for the removal of files in one directory, as the kernel reports it.
type departure struct{ events *os.File }

func awaitDeparture(t testing.TB, dir string) *departure {
	t.Helper()
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		t.Fatal(err)
	}
	d := &departure{os.NewFile(uintptr(fd), "inotify")}
	t.Cleanup(func() { _ = d.events.Close() })
	if _, err := unix.InotifyAddWatch(fd, dir, unix.IN_DELETE); err != nil {
		t.Fatal(err)
	}
	return d
}

// empties returns how long it took from now on until dir was empty, and fails the test if that is longer than limit.
func (d *departure) empties(t testing.TB, dir string, limit time.Duration) time.Duration {
	t.Helper()
	began := time.Now()
	if err := d.events.SetReadDeadline(began.Add(limit)); err != nil {
		t.Fatal(err)
	}
	for {
		left, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		if len(left) == 0 {
			return time.Since(began)
		}
		if _, err := d.events.Read(make([]byte, 4096)); err != nil {
			t.Fatalf("%s is still there after %v: %v", left[0].Name(), limit, err)
		}
	}
}

// No parent stays behind to remove the file of exec -f: the kernel reports the end of CMD to the daemon.
func TestFileGoesWithItsProgram(t *testing.T) {
	d := newDesktop(t)
	for _, end := range []string{"exit 3", "kill -KILL $$"} {
		t.Run(end, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			cmd := exec.CommandContext(ctx, "oauthd", "exec", "-f", "TOKEN=work", "--", "sh", "-c", `echo "$TOKEN"; read line; `+end)
			cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + d.dir, "OAUTHD_SOCK=" + d.socket(), "OAUTHD_NO_AUTOSTART=1"}
			stdin, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			stdout, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			line, err := bufio.NewReader(stdout).ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			path := strings.TrimSuffix(line, "\n")
			if text, err := os.ReadFile(path); err != nil || string(text) != d.token(t, false) {
				t.Errorf("while it runs: got %d bytes, %v, want the token", len(text), err)
			}
			gone := awaitDeparture(t, filepath.Dir(path))
			_ = stdin.Close()
			_ = cmd.Wait()
			t.Logf("gone %v after the end", gone.empties(t, filepath.Dir(path), time.Second))
		})
	}
}
