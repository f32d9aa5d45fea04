package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"oauthd/ipc"
	"oauthd/ipc/api"
	"oauthd/ipc/client"
)

// newsBackend reports events to anyone who watches, and then ends as end says.
type newsBackend struct {
	backend
	events []api.WatchEvent
	// end is the sequence's last element; nil makes the watch wait for its context.
	end error
	// refuse is answered before any event, refusals times when that is not nil, else always.
	refuse   error
	refusals *atomic.Int32
	left     chan struct{} // not nil: told when a watch has ended
}

func (b newsBackend) Watch(ctx context.Context, account string) (iter.Seq2[api.WatchEvent, error], error) {
	if b.refuse != nil && (b.refusals == nil || b.refusals.Add(-1) >= 0) {
		return nil, b.refuse
	}
	return func(yield func(api.WatchEvent, error) bool) {
		if b.left != nil {
			defer func() { b.left <- struct{}{} }()
		}
		for _, e := range b.events {
			if (account == "" || account == e.Account) && !yield(e, nil) {
				return
			}
		}
		if b.end != nil {
			yield(api.WatchEvent{}, b.end)
			return
		}
		<-ctx.Done()
	}, nil
}

func ready(name string) api.WatchEvent {
	return api.WatchEvent{Event: api.EventAccount, Account: name, Status: &api.Account{Name: name, State: api.StateReady}}
}

func locked(name string) api.WatchEvent {
	return api.WatchEvent{Event: api.EventAccount, Account: name, Status: &api.Account{
		Name: name, State: api.StateLocked, LastError: &api.Error{Code: api.Locked, Message: "oauthd is locked", Hint: "oauthd unlock"},
	}}
}

// said is an event in a word or two.
func said(e api.WatchEvent) string {
	s := e.Event + " " + e.Account
	if e.Status != nil {
		s += " " + string(e.Status.State)
		if e.Status.LastError != nil {
			s += " " + string(e.Status.LastError.Code) + " " + e.Status.LastError.Hint
		}
	}
	if e.Scope != "" {
		s += " " + e.Scope
	}
	return s
}

func TestWatch(t *testing.T) {
	newToken := api.WatchEvent{Event: api.EventToken, Account: "work", Scope: "a b"}
	removed := api.WatchEvent{Event: api.EventRemoved, Account: "other"}
	tooSlow := &api.Error{Code: api.Busy, Message: "too slow", Hint: "watch again"}
	for _, tt := range []struct {
		name    string
		backend newsBackend
		account string
		want    []string
		err     error
	}{
		{"all, and too slow", newsBackend{events: []api.WatchEvent{ready("work"), ready("other"), newToken, removed}, end: tooSlow}, "",
			[]string{"account work ready", "account other ready", "token work a b", "removed other"}, client.ErrBusy},
		{"one account", newsBackend{events: []api.WatchEvent{ready("other"), ready("work")}, end: tooSlow}, "work",
			[]string{"account work ready"}, client.ErrBusy},
		{"a locked store", newsBackend{events: []api.WatchEvent{locked("work"), ready("work")}, end: tooSlow}, "",
			[]string{"account work locked locked oauthd unlock", "account work ready"}, client.ErrBusy},
		{"an error event alone", newsBackend{end: &api.Error{Code: api.Locked}}, "", nil, client.ErrLocked},
		{"an error without a code", newsBackend{end: errors.New("planted")}, "", nil, &api.Error{Code: api.Internal}},
		{"refused", newsBackend{refuse: &api.Error{Code: api.UnknownAccount}}, "work", nil, client.ErrUnknownAccount},
		{"refused as busy, before there was a daemon", newsBackend{refuse: tooSlow}, "", nil, client.ErrBusy},
		{"no account's name", newsBackend{end: tooSlow}, "../x", nil, client.ErrBadRequest},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHome(t)
			h.serve(h.socket(), tt.backend)
			watch := h.client().Watch(t.Context(), tt.account)
			for range 2 { // each range is a watch of its own
				var got []string
				var errs []error
				for e, err := range watch {
					if err != nil {
						errs = append(errs, err)
						continue
					}
					got = append(got, said(e))
				}
				if !slices.Equal(got, tt.want) {
					t.Errorf("got events %q, want %q", got, tt.want)
				}
				if len(errs) != 1 || !errors.Is(errs[0], tt.err) {
					t.Errorf("got errors %v, want %v and no more", errs, tt.err)
				} else if strings.Contains(errs[0].Error(), "planted") {
					t.Errorf("got %v, want nothing of the cause", errs[0])
				}
			}
		})
	}
}

func TestWatchEnds(t *testing.T) {
	t.Run("with its context", func(t *testing.T) {
		h := newHome(t)
		b := newsBackend{events: []api.WatchEvent{ready("work")}, left: make(chan struct{}, 1)}
		h.serve(h.socket(), b)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		events := 0
		for e, err := range h.client().Watch(ctx, "") {
			if err != nil {
				t.Errorf("got %v after %d events, want an end without an error", err, events)
			}
			if events++; e.Account != "work" {
				t.Errorf("got %q, want work", said(e))
			}
			cancel()
		}
		<-b.left
		if events != 1 {
			t.Errorf("got %d events, want 1", events)
		}
	})
	t.Run("with its caller", func(t *testing.T) {
		h := newHome(t)
		b := newsBackend{events: []api.WatchEvent{ready("work"), ready("other")}, left: make(chan struct{}, 1)}
		h.serve(h.socket(), b)
		for e, err := range h.client().Watch(t.Context(), "") {
			if err != nil || e.Account != "work" {
				t.Errorf("got %q, %v, want work", said(e), err)
			}
			break
		}
		<-b.left // the daemon has noticed
	})
	t.Run("without a daemon", func(t *testing.T) {
		for e, err := range newHome(t).client().Watch(t.Context(), "") {
			if !errors.Is(err, client.ErrNoDaemon) {
				t.Errorf("got %q, %v, want ErrNoDaemon", said(e), err)
			}
		}
	})
	t.Run("before it began", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		h := newHome(t)
		h.serve(h.socket(), newsBackend{events: []api.WatchEvent{ready("work")}})
		for e, err := range h.client().Watch(ctx, "") {
			t.Errorf("got %q, %v, want nothing", said(e), err)
		}
	})
}

// A watch goes on at the next daemon, which it does not start, and ends when none comes.
func TestWatchAcrossRestarts(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	c := h.client()
	var starts, refusals atomic.Int32
	var stop func()
	c.Start = func(context.Context) error {
		starts.Add(1)
		stop = h.serve(h.socket(), newsBackend{events: []api.WatchEvent{ready("first")}})
		return nil
	}
	var got []string
	var last error
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for e, err := range c.Watch(ctx, "") {
		if last = err; err != nil {
			continue
		}
		got = append(got, e.Account)
		stop()
		switch e.Account {
		case "first":
			stop = h.serve(h.socket(), newsBackend{events: []api.WatchEvent{ready("second")}})
		case "second":
			// As one that is stopping answers, and then the next.
			refusals.Store(2)
			stop = h.serve(h.socket(), newsBackend{
				events: []api.WatchEvent{ready("third")}, refuse: &api.Error{Code: api.Busy, RetryAfter: 1}, refusals: &refusals,
			})
		}
	}
	if want := []string{"first", "second", "third"}; !slices.Equal(got, want) || !errors.Is(last, client.ErrNoDaemon) {
		t.Errorf("got %q, %v, want %q and ErrNoDaemon", got, last, want)
	}
	if n := refusals.Load(); n != -1 {
		t.Errorf("got %d refusals left, want none and one watch more", n)
	}
	if n := starts.Load(); n != 1 {
		t.Errorf("got %d starts, want only the one at the beginning", n)
	}
}

// What a daemon of another version may send.
func TestOddWatches(t *testing.T) {
	for _, tt := range []struct {
		name, body string
		want       error
		events     int
	}{
		{"an event of another version", `{"event":"account","account":"work","novelty":{"a":1}}` + "\n" + `{"event":"new"}` + "\n{", client.ErrNoDaemon, 2},
		{"not JSON", "<html>", &api.Error{Code: api.Internal}, 0},
		{"wrong type", `{"event":1}`, &api.Error{Code: api.Internal}, 0},
		{"an error event without an error", `{"event":"error"}`, &api.Error{Code: api.Internal}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := newHome(t)
			l, err := ipc.Listen(h.socket())
			if err != nil {
				t.Fatal(err)
			}
			web := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				_, _ = io.WriteString(w, tt.body)
			})}
			var wg sync.WaitGroup
			wg.Go(func() { _ = web.Serve(l) })
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			events := 0
			for _, err := range h.client().Watch(ctx, "") {
				switch {
				case err != nil && !errors.Is(err, tt.want):
					t.Errorf("got %v, want %v", err, tt.want)
				case err == nil:
					if events++; events == tt.events {
						_ = web.Close() // so that no further watch finds it
					}
				}
			}
			_ = web.Close()
			wg.Wait()
			if events != tt.events {
				t.Errorf("got %d events, want %d", events, tt.events)
			}
		})
	}
}

// controlBackend notes what it was told.
type controlBackend struct {
	backend
	locks      atomic.Int32
	passphrase atomic.Value // api.Confidential
	answer     error
}

func (b *controlBackend) Lock(context.Context) error {
	b.locks.Add(1)
	return b.answer
}

func (b *controlBackend) Unlock(_ context.Context, passphrase api.Confidential) error {
	b.passphrase.Store(passphrase)
	return b.answer
}

func (b *controlBackend) Reload(context.Context) (api.ReloadResult, error) {
	if b.answer != nil {
		return api.ReloadResult{}, b.answer
	}
	return api.ReloadResult{
		Added: []string{"new"}, Removed: []string{}, Changed: []string{"work"}, Dropped: []string{"work"}, Warnings: []string{"later"},
	}, nil
}

func TestControl(t *testing.T) {
	h := newHome(t)
	b := &controlBackend{}
	h.serve(h.socket(), b)
	c := h.client()
	if err := c.Lock(t.Context()); err != nil || b.locks.Load() != 1 {
		t.Errorf("lock: got %v and %d locks, want one", err, b.locks.Load())
	}
	for _, passphrase := range []api.Confidential{"", "with \"quotes\"\n and é", api.Confidential(strings.Repeat("p", 1000))} {
		if err := c.Unlock(t.Context(), passphrase); err != nil || b.passphrase.Load() != passphrase {
			t.Errorf("unlock: got %v, the passphrase as given %t, want it", err, b.passphrase.Load() == passphrase)
		}
	}
	r, err := c.Reload(t.Context())
	if got := fmt.Sprint(r.Added, r.Removed, r.Changed, r.Dropped, r.Warnings); err != nil || got != "[new] [] [work] [work] [later]" {
		t.Errorf("reload: got %s, %v, want what the daemon said", got, err)
	}
}

func TestControlRefused(t *testing.T) {
	calls := map[string]func(*client.Client, context.Context) error{
		"lock":   func(c *client.Client, ctx context.Context) error { return c.Lock(ctx) },
		"unlock": func(c *client.Client, ctx context.Context) error { return c.Unlock(ctx, "pp-planted") },
		"reload": func(c *client.Client, ctx context.Context) error { _, err := c.Reload(ctx); return err },
	}
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			h := newHome(t)
			b := &controlBackend{answer: (&api.Error{Code: api.Locked, Message: "no", Hint: "h"}).Because(errors.New("pp-planted"))}
			h.serve(h.socket(), b)
			c := h.client()
			err := call(c, t.Context())
			var e *api.Error
			if !errors.Is(err, client.ErrLocked) || !errors.As(err, &e) || e.Hint != "h" {
				t.Errorf("got %v, want ErrLocked and the daemon's hint", err)
			}
			if strings.Contains(fmt.Sprintf("%v %+v", err, errors.Unwrap(err)), "planted") {
				t.Error("the error shows what was given")
			}
			if err := call(newHome(t).client(), t.Context()); !errors.Is(err, client.ErrNoDaemon) {
				t.Errorf("without a daemon: got %v, want ErrNoDaemon", err)
			}
			ended, cancel := context.WithCancel(t.Context())
			cancel()
			if err := call(c, ended); !errors.Is(err, context.Canceled) {
				t.Errorf("cancelled: got %v, want context.Canceled", err)
			}
		})
	}
}
