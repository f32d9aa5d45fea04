package daemon

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"

	"oauthd/daemon/book"
	"oauthd/daemon/oauthtest"
	"oauthd/ipc/api"
)

// TestATokenFileFollowsItsAccount locks, unlocks, logs out and changes the account that a file belongs to. The file asks
// for a scope, which is known to be granted only once all of a login has been stored.
func TestATokenFileFollowsItsAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oauthtest.Config{})
		r.account("work")
		r.files = t.TempDir()
		path := filepath.Join(t.TempDir(), "token")
		r.start()
		if _, err := r.d.AddFile(context.Background(), api.FileRequest{Account: "work", Scope: "calendar.read", Path: path}); err != nil {
			t.Fatal(err)
		}
		wants := func(when string, there bool) {
			t.Helper()
			synctest.Wait()
			text, err := os.ReadFile(path)
			if got := err == nil && len(text) > 0; got != there {
				t.Errorf("%s: the file is there: got %t, want %t", when, got, there)
			}
		}
		wants("at first", true)
		if err := r.d.Lock(context.Background()); err != nil {
			t.Fatal(err)
		}
		wants("locked", false)
		if err := r.d.Unlock(context.Background(), ""); err != nil {
			t.Fatal(err)
		}
		wants("unlocked", true)
		if _, err := r.d.Logout(context.Background(), "work"); err != nil {
			t.Fatal(err)
		}
		wants("logged out", false)
		files, err := r.d.Files(context.Background())
		if err != nil || len(files) != 1 || files[0].LastError == nil || files[0].LastError.Code != api.LoginRequired {
			t.Errorf("got %+v, %v, want one that needs a login", files, err)
		}
		c := r.authorize("openid", "calendar.read", "offline_access")
		r.store.save(t, "work", c)
		a, _ := r.d.book.Configured("work")
		r.d.book.Stored(a, book.FactsOf(c))
		wants("logged in", true)
		if f, err := r.d.EndFile(context.Background(), path); err != nil || f.LastError != nil {
			t.Errorf("end it: got %+v, %v", f, err)
		}
		wants("ended", false)
	})
}
