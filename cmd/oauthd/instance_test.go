//go:build unix

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"oauthd/ipc/api"
	"oauthd/ipc/own"
)

func TestLockIsTakenAndReleased(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state", "lock")
	lock, err := takeLock(t.Context(), path, "/s")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := readLock(path), (api.LockFile{PID: os.Getpid(), Socket: "/s"}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if err := lock.announce("/elsewhere/and/longer"); err != nil {
		t.Fatal(err)
	}
	if got := readLock(path); got.Socket != "/elsewhere/and/longer" {
		t.Errorf("after a move: got %+v", got)
	}
	lock.release()
	if got := readLock(path); got != (api.LockFile{}) {
		t.Errorf("after its release: got %+v, want nothing", got)
	}
	again, err := takeLock(t.Context(), path, "/s")
	if err != nil {
		t.Fatal(err)
	}
	again.release()
}

// TestNothingIsWrittenThroughALink plants links and worse where a daemon makes its files.
func TestNothingIsWrittenThroughALink(t *testing.T) {
	for _, tt := range []struct {
		name  string
		plant func(t *testing.T, dir, target, name string)
		want  string
	}{
		{"a link", func(t *testing.T, dir, target, name string) { symlink(t, target, filepath.Join(dir, name)) }, "is a symbolic link"},
		{"a relative link", func(t *testing.T, dir, target, name string) {
			symlink(t, "../"+filepath.Base(target), filepath.Join(dir, name))
		}, "is a symbolic link"},
		{"a pipe", func(t *testing.T, dir, _, name string) {
			if err := syscall.Mkfifo(filepath.Join(dir, name), 0o600); err != nil {
				t.Fatal(err)
			}
		}, "is a pipe"},
		{"another user's directory", func(t *testing.T, dir, target, name string) {
			symlink(t, target, filepath.Join(dir, name))
			if os.Getuid() != 0 {
				t.Skip("needs root, to give a directory away")
			}
			if err := os.Chown(dir, nobodyUID, nobodyUID); err != nil {
				t.Fatal(err)
			}
		}, "belongs to uid 65534, not to you"},
		{"a directory that others may write to", func(t *testing.T, dir, target, name string) {
			symlink(t, target, filepath.Join(dir, name))
			if err := os.Chmod(dir, 0o777); err != nil {
				t.Fatal(err)
			}
		}, "can be written to by others"},
	} {
		for what, open := range map[string]func(path string) error{
			"lock": func(path string) error { _, err := takeLock(context.Background(), path, "/s"); return err },
			"log":  func(path string) error { _, err := openCapped(path); return err },
		} {
			t.Run(tt.name+" "+what, func(t *testing.T) {
				above := t.TempDir()
				target, dir := filepath.Join(above, "precious"), filepath.Join(above, "dir")
				if err := os.WriteFile(target, []byte("precious"), 0o600); err != nil {
					t.Fatal(err)
				}
				if err := os.Mkdir(dir, 0o700); err != nil {
					t.Fatal(err)
				}
				tt.plant(t, dir, target, "file")
				if err := open(filepath.Join(dir, "file")); err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("got %v, want an error with %q", err, tt.want)
				}
				if text, err := os.ReadFile(target); string(text) != "precious" {
					t.Errorf("got %q, %v, want the file untouched", text, err)
				}
			})
		}
	}
}

// nobodyUID is a user who is not us.
const nobodyUID = 65534

func symlink(t *testing.T, target, path string) {
	t.Helper()
	if err := os.Symlink(target, path); err != nil {
		t.Fatal(err)
	}
}

// TestSilentHolderIsNamedOnlyIfItIsOurs has a lock held by something that does not answer, with what a stranger or a
// daemon of ours could have written there.
func TestSilentHolderIsNamedOnlyIfItIsOurs(t *testing.T) {
	us := os.Getpid()
	for _, tt := range []struct {
		name, text string
		named      bool
	}{
		{"a process of ours", fmt.Sprintf(`{"pid":%d,"socket":"/nowhere/s"}`, us), true},
		{"no process", `{"pid":2147483647,"socket":"/nowhere/s"}`, false},
		{"escapes", fmt.Sprintf(`{"pid":%d,"socket":"/\u001b[31m"}`, us), false},
		{"nothing", "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "lock")
			if err := os.WriteFile(path, []byte(tt.text), 0o600); err != nil {
				t.Fatal(err)
			}
			holder, err := os.OpenFile(path, os.O_RDWR, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer holder.Close()
			if locked, err := own.TryLock(holder); !locked || err != nil {
				t.Fatal(locked, err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			_, err = takeLock(ctx, path, "/s")
			e := api.AsError(err)
			text := e.Message + " " + e.Hint
			if e.Code != api.AlreadyRunning || strings.Contains(text, "kill") != tt.named || strings.Contains(text, fmt.Sprint(us)) != tt.named ||
				strings.ContainsRune(text, '\x1b') {
				t.Errorf("got %q, want the holder named: %v", text, tt.named)
			}
			if text, _ := os.ReadFile(path); string(text) != tt.text {
				t.Errorf("the lock file: got %q, want it untouched", text)
			}
		})
	}
}
