package book_test

import (
	"errors"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"oauthd/daemon/account"
	"oauthd/daemon/book"
	"oauthd/daemon/config"

	"github.com/rs/zerolog"
)

// TestChangesComeOneAfterAnother has rules added, sockets added and removed, and a login's account written at once: none of
// them undoes another.
func TestChangesComeOneAfterAnother(t *testing.T) {
	dir := t.TempDir()
	read, err := config.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	b := book.New(book.Config{Dir: dir, Config: read, Log: zerolog.Nop(), Now: time.Now, Changed: func(string, bool) {}})
	work := account.Account{Name: "work", Provider: "google", ClientID: "app", Scopes: []string{"openid"}, Grant: account.GrantAuthorizationCode, Managed: true}
	if err := b.Write(t.Context(), work); err != nil {
		t.Fatal(err)
	}
	const each = 8
	var changes sync.WaitGroup
	for i := range each {
		change := func(change func(*account.Account)) {
			if err := b.Change(t.Context(), "work", change); err != nil {
				t.Error(err)
			}
		}
		changes.Go(func() {
			change(func(a *account.Account) {
				a.Policy.Rules = append(slices.Clone(a.Policy.Rules), account.Rule{Exe: "/bin/" + strconv.Itoa(i)})
			})
		})
		changes.Go(func() {
			change(func(a *account.Account) {
				a.Sockets = append(slices.Clone(a.Sockets), account.Socket{Name: "/run/" + strconv.Itoa(i), Account: "work", UID: os.Getuid()})
			})
		})
		changes.Go(func() {
			if err := b.Write(t.Context(), work); err != nil { // as it was when the login began
				t.Error(err)
			}
		})
	}
	changes.Wait()
	fresh, err := config.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if a, _ := fresh.Account("work"); len(a.Policy.Rules) != each || len(a.Sockets) != each {
		t.Errorf("got %d rules and %d sockets, want %d of each", len(a.Policy.Rules), len(a.Sockets), each)
	}
}

// TestAPersonsFileIsNotChanged takes the mark off that says the daemon may write the file, and looks for one that is not there.
func TestAPersonsFileIsNotChanged(t *testing.T) {
	dir := t.TempDir()
	read, err := config.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	b := book.New(book.Config{Dir: dir, Config: read, Log: zerolog.Nop(), Now: time.Now, Changed: func(string, bool) {}})
	if err := os.Mkdir(dir+"/accounts", 0o700); err != nil {
		t.Fatal(err)
	}
	const text = "provider = \"google\"\nclient_id = \"app\"\nscopes = [\"openid\"]\n"
	if err := os.WriteFile(b.File("work"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"work", "other"} {
		err := b.Change(t.Context(), name, func(*account.Account) { t.Errorf("%s is changed", name) })
		if !errors.Is(err, book.ErrNotManaged) {
			t.Errorf("%s: got %v, want ErrNotManaged", name, err)
		}
	}
	if got, err := os.ReadFile(b.File("work")); string(got) != text || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}
