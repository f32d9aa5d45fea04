//go:build unix

package client_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"oauthd/ipc/api"
	"oauthd/ipc/client"
)

// TestLockOfOthersIsNotFollowed has a lock, which names a daemon that answers, where others could have written it.
func TestLockOfOthersIsNotFollowed(t *testing.T) {
	for _, tt := range []struct {
		name   string
		loosen func(t *testing.T, lock string)
		follow bool
	}{
		{"ours", func(*testing.T, string) {}, true},
		{"in a directory that others may write to", func(t *testing.T, lock string) { chmod(t, filepath.Dir(lock), 0o777) }, false},
		{"which others may write to", func(t *testing.T, lock string) { chmod(t, lock, 0o666) }, false},
		{"a link", func(t *testing.T, lock string) {
			if err := errors.Join(os.Rename(lock, lock+"2"), os.Symlink(lock+"2", lock)); err != nil {
				t.Fatal(err)
			}
		}, false},
		{"another user's", func(t *testing.T, lock string) {
			if os.Getuid() != 0 {
				t.Skip("needs root, to give a file away")
			}
			if err := os.Chown(lock, 65534, 65534); err != nil {
				t.Fatal(err)
			}
		}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHome(t)
			elsewhere := filepath.Join(h.dir, "elsewhere", "s")
			h.serve(elsewhere, backend{})
			h.holdLock(elsewhere)
			tt.loosen(t, filepath.Join(h.dir, "oauthd", "lock"))
			_, err := h.client().Token(t.Context(), work)
			if tt.follow && err != nil {
				t.Errorf("got %v, want a token", err)
			}
			if !tt.follow {
				wantCode(t, err, api.NoDaemon)
			}
		})
	}
}

// TestPlaceIsExplained asks at places where no daemon of ours can be.
func TestPlaceIsExplained(t *testing.T) {
	for _, tt := range []struct {
		name    string
		prepare func(t *testing.T, h *home)
		code    api.Code
		want    []string
	}{
		{"a long path", func(_ *testing.T, h *home) { h.vars["XDG_RUNTIME_DIR"] = "/" + strings.Repeat("r", 103) }, api.ConfigInvalid,
			[]string{"has 123 bytes, but the path of a socket may have", "(XDG_RUNTIME_DIR is /rrr", "choose a shorter one"}},
		{"a missing runtime directory", func(_ *testing.T, h *home) { h.vars["XDG_RUNTIME_DIR"] = filepath.Join(h.dir, "gone") }, api.NoDaemon,
			[]string{"no oauthd daemon is running; ", "there is no directory ", "/gone", "unset XDG_RUNTIME_DIR", "loginctl enable-linger"}},
		{"another user's runtime directory", func(t *testing.T, h *home) {
			if os.Getuid() != 0 {
				t.Skip("needs root, to give a directory away")
			}
			run := filepath.Join(h.dir, "run")
			if err := errors.Join(os.Mkdir(run, 0o700), os.Chown(run, 65534, 65534)); err != nil {
				t.Fatal(err)
			}
			h.vars["XDG_RUNTIME_DIR"] = run
		}, api.NoDaemon, []string{"/run belongs to uid 65534, not to you", "(XDG_RUNTIME_DIR is ", "unset XDG_RUNTIME_DIR", "su - and sudo -i"}},
		{"a daemon that has never run", func(*testing.T, *home) {}, api.NoDaemon, []string{"no oauthd daemon is running", "oauthd serve"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHome(t)
			tt.prepare(t, h)
			_, err := h.client().Token(t.Context(), work)
			wantCode(t, err, tt.code)
			e := api.AsError(err)
			for _, want := range tt.want {
				if text := e.Message + " / " + e.Hint; !strings.Contains(text, want) {
					t.Errorf("got %q, want %q in it", text, want)
				}
			}
		})
	}
}

func TestLongPathOfACallersOwn(t *testing.T) {
	c := &client.Client{Socket: "/" + strings.Repeat("s", 120), Start: func(context.Context) error {
		t.Error("a daemon was started")
		return nil
	}}
	defer c.Close()
	if _, err := c.Token(t.Context(), work); err == nil || !strings.Contains(err.Error(), "may have") {
		t.Errorf("got %v, want the length in it", err)
	}
}

func chmod(t *testing.T, path string, mode fs.FileMode) {
	t.Helper()
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}
