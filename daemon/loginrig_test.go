package daemon

import (
	"context"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"oauthd/daemon/config"
	"oauthd/daemon/oauthtest"
	"oauthd/ipc/api"
)

// patience bounds what should take milliseconds.
const patience = 30 * time.Second

// attempted is a login that a test has started.
type attempted struct {
	r      *rig
	cancel context.CancelFunc
	opened chan string         // each authorization URL
	told   chan api.LoginEvent // each event
	ended  chan error

	mu     sync.Mutex // guards events
	events []api.LoginEvent
}

// begin starts a login.
func (r *rig) begin(name string, def api.AccountDefinition) *attempted {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	r.t.Cleanup(cancel)
	l := &attempted{r: r, cancel: cancel, opened: make(chan string, 1), ended: make(chan error, 1)}
	l.told = make(chan api.LoginEvent, 4)
	go func() {
		err := r.d.Login(ctx, name, def, func(e api.LoginEvent) {
			r.tell(e)
			l.mu.Lock()
			l.events = append(l.events, e)
			l.mu.Unlock()
			l.told <- e
			if e.Event == api.EventAuthorize {
				l.opened <- e.URL
			}
		})
		if err != nil {
			r.tell(err)
		}
		close(l.opened)
		l.ended <- err
	}()
	return l
}

// url waits for the authorization URL; "" when the login ended before.
func (l *attempted) url() string { return <-l.opened }

// decide lets the person decide at url, and returns how the login ended.
func (l *attempted) decide(url, decision string) error {
	l.r.t.Helper()
	if url != "" {
		visited := make(chan struct{})
		go func() {
			defer close(visited)
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			_, _ = oauthtest.Follow(ctx, nil, url, decision)
		}()
		defer func() { <-visited }()
	}
	return <-l.ended
}

// last returns the last event.
func (l *attempted) last() api.LoginEvent {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.events) == 0 {
		return api.LoginEvent{}
	}
	return l.events[len(l.events)-1]
}

// login runs a whole login that is allowed.
func (r *rig) login(name string, def api.AccountDefinition) (api.LoginEvent, error) {
	r.t.Helper()
	l := r.begin(name, def)
	err := l.decide(l.url(), oauthtest.Allow)
	return l.last(), err
}

// loggedIn runs a login that is not to fail.
func (r *rig) loggedIn(name string, def api.AccountDefinition) api.LoginEvent {
	r.t.Helper()
	done, err := r.login(name, def)
	if err != nil || done.Event != api.EventDone {
		r.t.Fatalf("login: got %v, last event %q; want done", err, done.Event)
	}
	return done
}

// definition is that of a new account at the server.
func (r *rig) definition(scopes ...string) api.AccountDefinition {
	return api.AccountDefinition{Issuer: r.server.Issuer(), ClientID: "app", Scopes: scopes}
}

// nothingLeft checks that there is no trace of an account.
func (r *rig) nothingLeft(name string) {
	r.t.Helper()
	for _, record := range []string{name, ".probe"} {
		if r.store.raw(r.t, record) != "" {
			r.t.Errorf("the store has a record %q, want nothing left", record)
		}
	}
	if _, err := os.Stat(config.AccountFile(r.dir, name)); !os.IsNotExist(err) {
		r.t.Errorf("the account's file: got %v, want none", err)
	}
	if _, err := r.ask(api.TokenRequest{Account: name}); err == nil || api.AsError(err).Code != api.UnknownAccount {
		r.t.Errorf("token: got %v, want unknown_account", err)
	}
	all, err := r.d.Accounts(context.Background())
	if err != nil || slices.ContainsFunc(all, func(a api.Account) bool { return a.Name == name }) {
		r.t.Errorf("the account is listed (%v)", err)
	}
}

// snapshot is what must not change when a login does not complete.
type snapshot struct{ record, file string }

func (r *rig) snapshot(name string) snapshot {
	r.t.Helper()
	text, err := os.ReadFile(config.AccountFile(r.dir, name))
	if err != nil && !os.IsNotExist(err) {
		r.t.Fatal(err)
	}
	return snapshot{r.store.raw(r.t, name), string(text)}
}

func (r *rig) unchanged(name string, before snapshot) {
	r.t.Helper()
	after := r.snapshot(name)
	if after.record != before.record {
		r.t.Error("the record has changed, want it as it was")
	}
	if after.file != before.file {
		r.t.Errorf("the account's file: got %q, want %q", after.file, before.file)
	}
}

// await waits for something that another goroutine closes.
func await(t testing.TB, what string, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(patience):
		t.Fatalf("%s did not happen", what)
	}
}
