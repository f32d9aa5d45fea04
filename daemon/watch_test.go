package daemon

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"oauthd/daemon/oauthtest"
	"oauthd/ipc/api"
)

const (
	newsRoom   = 256              // of daemon/news
	watchPause = 30 * time.Second // likewise
)

// watching collects what a watch says until ctx ends.
func (r *rig) watching(ctx context.Context, name string) (events *[]api.WatchEvent, ended <-chan error) {
	r.t.Helper()
	seq, err := r.d.Watch(ctx, name)
	if err != nil {
		r.t.Fatalf("watch: got %v, want none", err)
	}
	events = &[]api.WatchEvent{}
	done := make(chan error, 1)
	go func() {
		var last error
		for e, err := range seq {
			if last = err; err == nil {
				r.tell(e)
				*events = append(*events, e)
			}
		}
		done <- last
	}()
	return events, done
}

func TestWatchTellsWhatChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oauthtest.Config{})
		r.account("work")
		r.account("other")
		r.start()
		ctx, cancel := context.WithCancel(t.Context())
		all, allEnded := r.watching(ctx, "")
		one, oneEnded := r.watching(ctx, "work")
		synctest.Wait()
		if len(*all) != 2 || len(*one) != 1 || (*one)[0].Status == nil || (*one)[0].Status.State != api.StateReady {
			t.Fatalf("snapshot: got %d and %d events, want 2 and 1 that is ready", len(*all), len(*one))
		}
		r.token()
		synctest.Wait()
		var said []string
		for _, e := range (*one)[1:] {
			what := e.Event
			if e.Status != nil && e.Status.Refreshing {
				what = "refreshing"
			}
			said = append(said, what)
			if e.Event == api.EventToken && (e.Scope == "" || e.ExpiresAt == nil) {
				t.Errorf("token: got %+v, want its scope and end", e)
			}
		}
		if want := []string{"refreshing", "token", "account"}; !slices.Equal(said, want) {
			t.Errorf("got %q, want %q", said, want)
		}

		// An account that nobody asks for is as it was.
		if n := len(*all) - len(*one); n != 1 {
			t.Errorf("got %d events of the other account, want its snapshot", n)
		}
		cancel()
		for _, ended := range []<-chan error{allEnded, oneEnded} {
			if err := <-ended; err != nil {
				t.Errorf("end: got %v, want nil", err)
			}
		}
	})
}

func TestSlowWatcherIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oauthtest.Config{})
		r.account("work")
		r.start()
		slow, err := r.d.Watch(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		quick, quickEnded := r.watching(ctx, "")
		for range newsRoom {
			if _, err := r.ask(api.TokenRequest{Account: "work", Force: true}); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		n, last := 0, error(nil)
		for _, err := range slow {
			n++
			last = err
		}
		if !errors.Is(last, &api.Error{Code: api.Busy}) || n > 2*newsRoom {
			t.Errorf("slow: got %d events and %v, want what there was room for and %s", n, last, api.Busy)
		}
		tokens := 0
		for _, e := range *quick {
			if e.Event == api.EventToken {
				tokens++
			}
		}
		if tokens != newsRoom {
			t.Errorf("quick: got %d tokens, want %d", tokens, newsRoom)
		}
		if err := r.stop(); err != nil {
			t.Errorf("stop: got %v", err)
		}
		if err := <-quickEnded; err != nil {
			t.Errorf("quick: got %v when the daemon ended, want nil", err)
		}
		if _, err := r.d.Watch(t.Context(), ""); !errors.Is(err, &api.Error{Code: api.Busy}) {
			t.Errorf("after the end: got %v, want %s", err, api.Busy)
		}
	})
}

// Time alone changes the state of a login that came without a refresh token.
func TestWatchNoticesTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oauthtest.Config{})
		r.account("work")
		c := r.store.credential(t, "work")
		c.AccessToken, c.TokenType, c.Expiry = c.RefreshToken, "Bearer", r.now().Add(time.Hour)
		c.RefreshToken = c.ClientSecret
		r.store.save(t, "work", c)
		r.start()
		ctx, cancel := context.WithCancel(t.Context())
		events, ended := r.watching(ctx, "work")
		time.Sleep(time.Hour + watchPause)
		synctest.Wait()
		if n := len(*events); n != 2 || (*events)[n-1].Status.State != api.StateLoginRequired {
			t.Errorf("got %d events, want the snapshot and %s", n, api.StateLoginRequired)
		}
		cancel()
		<-ended
	})
}
