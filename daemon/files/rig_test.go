package files_test

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"oauthd/daemon/files"
	"oauthd/daemon/hook"
	"oauthd/ipc/api"

	"github.com/rs/zerolog"
)

// rig is a keeper of files in a directory of its own, and the accounts it asks.
type rig struct {
	t    *testing.T
	dir  string // the runtime directory
	home string // where a person has files
	k    *files.Keeper
	stop func()

	mu       sync.Mutex    // guards the fields below
	lifetime time.Duration // of tokens; 0 for those without end
	err      error
	minted   int
	token    api.Token
	asked    int
	hold     chan struct{} // if set, an answer waits for its end
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{t: t, lifetime: time.Hour}
	root := t.TempDir()
	r.dir, r.home = filepath.Join(root, "run"), filepath.Join(root, "home")
	for _, dir := range []string{r.dir, r.home} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	r.start()
	t.Cleanup(func() { r.stop() })
	return r
}

// start runs a keeper; one that runs is left as if it had been killed, until the test ends.
func (r *rig) start() {
	r.k = files.New(files.Config{
		Dir: r.dir, Record: "record", Token: r.answer, Account: r.account, Hooks: hook.Runner{Env: os.Environ()},
		Log: zerolog.New(zerolog.NewTestWriter(r.t)), Now: time.Now,
	})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	k := r.k
	go func() { defer close(ended); k.Run(ctx) }()
	before := r.stop
	r.stop = sync.OnceFunc(func() {
		cancel()
		<-ended
		if before != nil {
			before()
		}
	})
}

// answer is a token as the cache would give it: a new one if the old one does not live for long enough.
func (r *rig) answer(ctx context.Context, q api.TokenRequest) (api.Token, error) {
	r.mu.Lock()
	hold := r.hold
	r.asked++
	r.mu.Unlock()
	if hold != nil {
		select {
		case <-hold:
		case <-ctx.Done():
			return api.Token{}, ctx.Err()
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return api.Token{}, r.err
	}
	least := min(time.Minute, r.lifetime/4)
	if q.MinTTL != nil {
		least = time.Duration(*q.MinTTL) * time.Second
	}
	if r.token.ExpiresAt == nil || time.Until(*r.token.ExpiresAt) < least {
		r.mintLocked()
	}
	t := r.token
	t.Account = q.Account
	return t, nil
}

func (r *rig) mintLocked() {
	end := time.Now().Add(r.lifetime)
	r.minted++
	r.token = api.Token{
		AccessToken: fmt.Sprintf("at-%010d", r.minted), TokenType: "Bearer", ExpiresAt: &end,
		IDToken: fmt.Sprintf("id-%010d", r.minted), IDTokenExpiresAt: &end,
	}
	if r.lifetime == 0 {
		r.token.ExpiresAt, r.token.IDTokenExpiresAt = nil, nil
	}
}

// mint has another token, as after somebody has forced one.
func (r *rig) mint() {
	r.mu.Lock()
	r.mintLocked()
	r.mu.Unlock()
	r.k.Changed("work")
}

// fail has tokens refused from now on; nil ends that.
func (r *rig) fail(err error) {
	r.mu.Lock()
	r.err = err
	r.mu.Unlock()
}

func (r *rig) account(_ context.Context, name string) (api.Account, error) {
	return api.Account{Name: name, Email: "ada@example.com"}, nil
}

func (r *rig) path(name string) string { return filepath.Join(r.home, name) }

// add maintains a file of work in the home.
func (r *rig) add(name string, change func(*api.FileRequest)) (api.File, error) {
	q := api.FileRequest{Account: "work", Path: r.path(name)}
	if change != nil {
		change(&q)
	}
	return r.k.Add(r.t.Context(), q)
}

func (r *rig) mustAdd(name string, change func(*api.FileRequest)) api.File {
	r.t.Helper()
	f, err := r.add(name, change)
	if err != nil {
		r.t.Fatalf("add %s: %v", name, err)
	}
	return f
}

// read returns what is in a file, "" if there is none.
func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return string(text)
}

// want checks what is in a file of the home; "" is for none.
func (r *rig) want(name, text string) {
	r.t.Helper()
	if got := read(r.t, r.path(name)); got != text {
		r.t.Errorf("%s: got %q, want %q", name, got, text)
	}
}

// until waits until done says so.
func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for !done() {
		if time.Now().After(deadline) {
			t.Fatalf("it does not come to that: %s", what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// listed returns what a listing shows of a file of the home.
func (r *rig) listed(name string) api.File {
	r.t.Helper()
	all, err := r.k.List(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	for _, f := range all {
		if f.Path == r.path(name) {
			return f
		}
	}
	r.t.Fatalf("%s is not listed", name)
	return api.File{}
}

// nothingLeft checks that no file holds a token, and that none is half written.
func (r *rig) nothingLeft() {
	r.t.Helper()
	for _, dir := range []string{r.dir, r.home} {
		_ = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
			if err == nil && entry.Type().IsRegular() && filepath.Base(path) != "record" {
				r.t.Errorf("%s is left", path)
			}
			return err
		})
	}
}

// requests returns how often a token was asked for.
func (r *rig) requests() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.asked
}

// latest returns the token that was minted last.
func (r *rig) latest() api.Token {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.token
}
