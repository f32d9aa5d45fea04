package machine

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
)

func TestWatchSocket(t *testing.T) {
	for _, test := range []struct {
		name   string
		happen func(path string, cancel func()) error
		want   bool
	}{
		{"the socket is taken away", func(path string, _ func()) error { return os.Remove(path) }, true},
		{"another one takes its place", func(path string, _ func()) error {
			if err := os.WriteFile(path+".new", nil, 0o600); err != nil {
				return err
			}
			return os.Rename(path+".new", path)
		}, true},
		// The daemon that stops must not take this for the loss of its socket.
		{"the watch ends", func(_ string, cancel func()) error { cancel(); return nil }, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "oauthd.sock")
			if err := os.WriteFile(path, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				gone, err := WatchSocket(ctx, path)
				if err != nil {
					t.Fatal(err)
				}
				if err := test.happen(path, cancel); err != nil {
					t.Fatal(err)
				}
				if test.want {
					<-gone
					return
				}
				synctest.Wait()
				select {
				case <-gone:
					t.Error("the socket is said to be gone")
				default:
				}
			})
		})
	}
}
