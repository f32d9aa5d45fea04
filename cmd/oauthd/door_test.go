//go:build unix

package main

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"oauthd/cmd/oauthd/machine"
	"oauthd/ipc"
	"oauthd/ipc/api"

	"github.com/rs/zerolog"
)

// shortDir makes a directory in which a socket's path is short enough.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "o")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// TestDoorMoves takes the socket's directory away from a daemon with a memory store, twice.
func TestDoorMoves(t *testing.T) {
	for _, tt := range []struct {
		name  string
		loses bool
		take  func(dir string) error
		moves bool
		log   string
	}{
		{"something to lose", true, os.RemoveAll, true, "so the daemon listens elsewhere"},
		{"nothing to lose", false, os.RemoveAll, false, "nobody can ask any more"},
		{"the socket alone is taken", true, func(dir string) error { return os.Remove(filepath.Join(dir, "s")) }, false, "nobody can ask any more"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := shortDir(t)
			state := filepath.Join(dir, "state", "lock")
			sockets := []string{filepath.Join(dir, "a", "s"), filepath.Join(dir, "b", "s"), filepath.Join(dir, "c", "s")}
			log := &lockedBuffer{}
			next := 0
			d := &door{
				log: zerolog.New(log), socket: sockets[0], lock: filepath.Join(dir, "a", "lock"),
				loses:  func() bool { return tt.loses },
				others: func() []string { next++; return []string{sockets[next]} },
				locks: func(socket string) (needed, wanted []string) {
					return []string{filepath.Join(filepath.Dir(socket), "lock")}, []string{state}
				},
			}
			if err := d.enter(t.Context()); err != nil {
				t.Fatal(err)
			}
			defer d.leave()
			l, err := ipc.Listen(d.place())
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			gone, err := machine.WatchSocket(ctx, d.place())
			if err != nil {
				t.Fatal(err)
			}
			ended := make(chan error, 1)
			go func() { ended <- d.open(ctx, ipc.New(ipc.Config{UID: os.Getuid()}), l, gone) }()

			for moves := 1; moves <= 2; moves++ {
				if err := tt.take(filepath.Dir(d.place())); err != nil {
					t.Fatal(err)
				}
				if !tt.moves {
					if err := <-ended; err != nil {
						t.Errorf("got %v, want it to end well", err)
					}
					break
				}
				if !poll(func() bool { return d.place() == sockets[moves] }) {
					t.Fatalf("the daemon is at %s still; %s", d.place(), log)
				}
				conn, err := net.Dial("unix", sockets[moves])
				if err != nil {
					t.Fatalf("nobody answers after %d moves: %v", moves, err)
				}
				_ = conn.Close()
				for _, lock := range []string{state, filepath.Join(filepath.Dir(sockets[moves]), "lock")} {
					if want := (api.LockFile{PID: os.Getpid(), Socket: sockets[moves]}); readLock(lock) != want {
						t.Errorf("%s: got %+v, want %+v", lock, readLock(lock), want)
					}
				}
			}
			if tt.moves {
				cancel()
				if err := <-ended; err != nil {
					t.Errorf("at its end: got %v", err)
				}
			}
			if !strings.Contains(log.String(), tt.log) {
				t.Errorf("got the log %s, want %q in it", log, tt.log)
			}
		})
	}
}

// TestDoorIsLeft looks at the lock after a daemon has ended: if another one follows in this process, the file names it all
// the time, and the lock can be taken.
func TestDoorIsLeft(t *testing.T) {
	for _, follows := range []bool{false, true} {
		d := &door{socket: "/s", lock: filepath.Join(t.TempDir(), "lock"), follows: func() bool { return follows }}
		if err := d.enter(t.Context()); err != nil {
			t.Fatal(err)
		}
		want := readLock(d.lock)
		if want.PID != os.Getpid() {
			t.Errorf("got %+v, want this process", want)
		}
		if !follows {
			want = api.LockFile{}
		}
		d.leave()
		if got := readLock(d.lock); got != want {
			t.Errorf("another follows: %v: got %+v, want %+v", follows, got, want)
		}
		next, err := takeLock(t.Context(), d.lock, "/s")
		if err != nil {
			t.Fatal(err)
		}
		next.release()
	}
}

// TestDoorWithoutAPlace has nowhere to go, and says what is lost.
func TestDoorWithoutAPlace(t *testing.T) {
	dir := shortDir(t)
	log := &lockedBuffer{}
	d := &door{
		log: zerolog.New(log), socket: filepath.Join(dir, "a", "s"),
		loses: func() bool { return true }, others: func() []string { return nil },
	}
	if _, _, err := d.move(t.Context()); !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v, want no place", err)
	}
	for _, want := range []string{`"level":"error"`, "only in memory are lost", "loginctl enable-linger"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("got %s, want %q in it", log, want)
		}
	}
}

func TestOtherSockets(t *testing.T) {
	dir := t.TempDir()
	env := func(vars map[string]string) api.Environment {
		return api.Environment{Getenv: func(name string) string { return vars[name] }, UID: 7, GOOS: "linux", RuntimeDirOK: func(string) bool { return false }}
	}
	for _, tt := range []struct {
		name string
		vars map[string]string
		want []string
	}{
		{"made anew", map[string]string{"XDG_RUNTIME_DIR": dir}, []string{dir + "/oauthd/oauthd.sock", "/tmp/oauthd-7/oauthd.sock"}},
		{"gone", map[string]string{"XDG_RUNTIME_DIR": dir + "/gone"}, []string{"/tmp/oauthd-7/oauthd.sock"}},
		{"named", map[string]string{"OAUTHD_SOCK": dir + "/gone/o/s", "XDG_RUNTIME_DIR": dir}, nil},
		{"no variable", nil, []string{"/tmp/oauthd-7/oauthd.sock"}},
	} {
		if got := otherSockets(env(tt.vars)); !slices.Equal(got, tt.want) {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}
