package daemon

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"testing"

	"oauthd/daemon/config"
	"oauthd/daemon/oauthtest"
	"oauthd/ipc/api"
	"oauthd/keystore"

	"github.com/rs/zerolog"
)

// unlisted is a store that does not know what it holds, as the keychain.
type unlisted struct{ keystore.Store }

// chooser is a daemon over store, and what it does to be replaced.
type chooser struct {
	d     *Daemon
	again int
	stop  func() error
}

func (r *rig) chooser(store keystore.Store) *chooser {
	r.t.Helper()
	cfg, err := config.Load(r.dir)
	if err != nil {
		r.t.Fatal(err)
	}
	c := &chooser{}
	c.d = New(Config{Dir: r.dir, StateDir: r.state, Config: cfg, Store: store, Log: zerolog.New(r), HTTP: r.client, Now: r.now, UID: -1,
		Again: func() { c.again++ }})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- c.d.Run(ctx) }()
	c.stop = sync.OnceValue(func() error { cancel(); return <-ended })
	r.stop = c.stop
	return c
}

// refuses checks that a choice is refused with these words, and leaves everything as it is.
func (c *chooser) refuses(t *testing.T, r *rig, choice api.StoreChoice, code api.Code, says ...string) {
	t.Helper()
	before, _ := os.ReadFile(config.MainFile(r.dir))
	_, err := c.d.ChooseStore(t.Context(), choice)
	var e *api.Error
	if !errors.As(err, &e) || e.Code != code {
		t.Fatalf("%+v: got %v, want %s", choice, err, code)
	}
	for _, text := range says {
		if !strings.Contains(e.Message+"\n"+e.Hint, text) {
			t.Errorf("%+v: got %q, hint %q, want %q", choice, e.Message, e.Hint, text)
		}
	}
	if after, _ := os.ReadFile(config.MainFile(r.dir)); string(after) != string(before) || c.again != 0 {
		t.Errorf("%+v: got config.toml %q, again %d, want both as before", choice, after, c.again)
	}
}

func TestChooseStore(t *testing.T) {
	r := newRealRig(t, oauthtest.Config{})
	r.write("config.toml", "# mine\n[keystore]\nbackend = \"memory\" # for now\n")
	c := r.chooser(&keystore.Memory{})
	if s, err := c.d.Status(t.Context()); err != nil || !s.Store.Chosen {
		t.Errorf("got %+v, %v, want a chosen store", s.Store, err)
	}
	got, err := c.d.ChooseStore(t.Context(), api.StoreChoice{Backend: "file"})
	if want := (api.StoreChosen{File: config.MainFile(r.dir), Line: 3, Restarting: true}); err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	if text, _ := os.ReadFile(got.File); string(text) != "# mine\n[keystore]\nbackend = \"file\" # for now\n" {
		t.Errorf("got config.toml %q", text)
	}
	if err := c.stop(); err != nil || c.again != 1 {
		t.Errorf("got %v, again %d, want the daemon ended to begin anew", err, c.again)
	}
	if _, err := c.d.Token(t.Context(), api.TokenRequest{Account: "work"}); err == nil {
		t.Error("a daemon that is replaced gives a token")
	}
}

// The store in use is only written down.
func TestChooseStoreInUse(t *testing.T) {
	r := newRealRig(t, oauthtest.Config{})
	c := r.chooser(r.store)
	if s, err := c.d.Status(t.Context()); err != nil || s.Store.Chosen || s.Store.Backend != "keychain" {
		t.Errorf("got %+v, %v, want the keychain, not chosen", s.Store, err)
	}
	got, err := c.d.ChooseStore(t.Context(), api.StoreChoice{Backend: "keychain"})
	if want := (api.StoreChosen{File: config.MainFile(r.dir), Line: 2}); err != nil || got != want || c.again != 0 {
		t.Errorf("got %+v, %v, again %d, want %+v and no other daemon", got, err, c.again, want)
	}
	if s, err := c.d.Status(t.Context()); err != nil || !s.Store.Chosen {
		t.Errorf("got %+v, %v, want a chosen store", s.Store, err)
	}
}

func TestChooseStoreRefused(t *testing.T) {
	r := newRealRig(t, oauthtest.Config{})
	key := r.write("key.txt", "no identity\n")
	c := r.chooser(r.store)
	for _, tt := range []struct {
		choice api.StoreChoice
		says   string
	}{
		{api.StoreChoice{}, `there is no store ""`},
		{api.StoreChoice{Backend: "drawer"}, "keychain, file or memory"},
		{api.StoreChoice{Backend: "memory", Identity: key}, "for the file store alone"},
		{api.StoreChoice{Backend: "file", Identity: key, Seal: "systemd-creds"}, "exclude each other"},
		{api.StoreChoice{Backend: "file", Seal: "wax"}, `there is no seal "wax"`},
		{api.StoreChoice{Backend: "file", Identity: "key.txt"}, "not absolute"},
		{api.StoreChoice{Backend: "file", Identity: key}, "key.txt:1 is not an age identity"},
		{api.StoreChoice{Backend: "file", Identity: r.dir + "/missing"}, "no such file"},
	} {
		c.refuses(t, r, tt.choice, api.BadRequest, tt.says)
	}
	t.Setenv("PATH", t.TempDir())
	c.refuses(t, r, api.StoreChoice{Backend: "file", Seal: "systemd-creds"}, api.Unsupported, "no systemd-creds on PATH", "choose a passphrase")
	r.write("config.toml", "keystore.backend = \"keychain\"\n")
	c.refuses(t, r, api.StoreChoice{Backend: "file"}, api.ConfigInvalid, "does not change", "write these lines", "\n[keystore]\nbackend = \"file\"")
	r.write("config.toml", "[keystore]\nbakend = \"keychain\"\n")
	c.refuses(t, r, api.StoreChoice{Backend: "file"}, api.ConfigInvalid, "config.toml:2", "correct the file")
	c.d.stores.Again = nil
	c.refuses(t, r, api.StoreChoice{Backend: "file"}, api.Unsupported, "cannot be changed")
}

// No credential gets lost: a store that holds one, or held one when it last answered, stays.
func TestChooseStoreKeepsCredentials(t *testing.T) {
	r := newRealRig(t, oauthtest.Config{})
	r.account("work")
	r.state = t.TempDir()
	r.start()
	r.token()
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	c := r.chooser(unlisted{r.store})
	c.refuses(t, r, api.StoreChoice{Backend: "file"}, api.BadRequest, "the keychain store holds the credentials of work", "oauthd keystore migrate --to file")
	c.refuses(t, r, api.StoreChoice{Backend: "memory"}, api.BadRequest, "oauthd logout NAME")
	if _, err := c.d.Token(t.Context(), api.TokenRequest{Account: "work"}); err != nil {
		t.Errorf("after a refusal: got %v, want a token", err)
	}
	if err := c.stop(); err != nil {
		t.Fatal(err)
	}
	r.store.script(func(context.Context, string, string) error { return keystore.ErrNoBus })
	c = r.chooser(unlisted{r.store})
	c.refuses(t, r, api.StoreChoice{Backend: "file"}, api.BadRequest, "the keychain store holds the credentials of work")
	if err := os.RemoveAll(r.state + "/logins"); err != nil { // nobody has ever logged in
		t.Fatal(err)
	}
	if got, err := c.d.ChooseStore(t.Context(), api.StoreChoice{Backend: "memory"}); err != nil || !got.Restarting {
		t.Errorf("got %+v, %v, want another store", got, err)
	}
}

func TestChooseStoreCountsRecords(t *testing.T) {
	r := newRealRig(t, oauthtest.Config{})
	memory := &keystore.Memory{}
	if err := memory.Put(t.Context(), "work", []byte("{}")); err != nil {
		t.Fatal(err)
	}
	r.write("config.toml", "[keystore]\nbackend = \"memory\"\n")
	c := r.chooser(memory)
	c.refuses(t, r, api.StoreChoice{Backend: "file"}, api.BadRequest, "the memory store holds credentials", "cannot be moved")
	leave, err := c.d.vault.Gate().Enter()
	if err != nil {
		t.Fatalf("a refused choice leaves the gate closed: %v", err)
	}
	if err := memory.Delete(t.Context(), "work"); err != nil {
		t.Fatal(err)
	}
	c.refuses(t, r, api.StoreChoice{Backend: "file"}, api.Busy, "using the store now")
	leave()
	if _, err := c.d.ChooseStore(t.Context(), api.StoreChoice{Backend: "file"}); err != nil {
		t.Errorf("got %v, want it chosen", err)
	}
	if _, err := c.d.vault.Gate().Enter(); api.AsError(c.d.store.Problem(err)).Code != api.Busy {
		t.Errorf("got %v, want nothing to enter any more", err)
	}
}
