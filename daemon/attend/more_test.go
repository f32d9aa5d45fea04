package attend

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"oauthd/ipc/api"
)

var write = Want{Scopes: "files:read files:write"}

// loggedIn has somebody log in to the account work, at a time of its own.
func (d *desk) loggedIn() {
	d.mu.Lock()
	s := d.accounts["work"]
	s.LoggedInAt = s.LoggedInAt.Add(time.Hour)
	s.Grant = "authorization_code"
	d.accounts["work"] = s
	d.mu.Unlock()
	d.become("work", api.StateReady, nil)
	synctest.Wait()
}

// await has n callers wait for what they want, and returns the channel of their errors.
func (d *desk) await(t *testing.T, n int, w Want) <-chan error {
	errs := make(chan error, n)
	for range n {
		go func() { errs <- d.Await(t.Context(), "work", w) }()
	}
	gathered()
	return errs
}

func TestTwentyCallersThatWantMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, Settings{})
		defer d.end()
		d.loggedIn()
		errs := d.await(t, 20, write)
		want(t, "questions", d.asked(), "Sign in to work again?: A program needs more access, which the sign-in page asks you for: files:read files:write")
		if asked, callers := d.Waiting("work"); !asked || callers != 20 {
			t.Errorf("waiting: got %v and %d callers, want 20", asked, callers)
		}
		d.become("work", api.StateReady, nil) // as a refresh makes it, which brings nothing
		synctest.Wait()
		d.answer <- Answer{Agreed: true}
		for range cap(errs) {
			if err := <-errs; err != nil {
				t.Errorf("a caller: got %v", err)
			}
		}
		d.mu.Lock()
		defer d.mu.Unlock()
		if !slices.Equal(d.wanted, []Want{write}) {
			t.Errorf("logins: got %v, want one for %v", d.wanted, write)
		}
	})
}

// Whoever refuses is left alone for a while, whatever else a server thinks of; whoever agrees is not asked for the same again.
func TestNobodyIsAskedOverAndOver(t *testing.T) {
	others := Want{Scopes: "admin"}
	for _, test := range []struct {
		name          string
		answer        Answer
		fails         *api.Error
		code          api.Code
		message       string
		same, another bool // whether the next caller raises a question
	}{
		{"dismissed", Answer{}, nil, api.ScopeNotGranted, "work was not granted files:read files:write: the question on the desktop was dismissed", false, false},
		{"denied", Answer{Agreed: true}, &api.Error{Code: api.LoginDenied, Message: "denied"}, api.LoginDenied, "denied", false, false},
		{"in vain", Answer{Agreed: true}, nil, "", "", false, true},
	} {
		for _, next := range []Want{write, others} {
			asks := test.same
			if next == others {
				asks = test.another
			}
			t.Run(test.name+"/"+next.Scopes, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					d := newDesk(t, Settings{})
					defer d.end()
					d.loggedIn()
					d.mu.Lock()
					if test.fails != nil {
						d.loginErr = test.fails
					}
					d.mu.Unlock()
					errs := d.await(t, 1, write)
					d.answer <- test.answer
					err := <-errs
					if test.code != "" && (api.AsError(err).Code != test.code || api.AsError(err).Message != test.message) || test.code == "" && err != nil {
						t.Errorf("got %v, want %q, %q", err, test.code, test.message)
					}
					check(t, "questions", len(d.asked()), 1)
					errs = d.await(t, 1, next)
					if asks {
						check(t, "questions at once", len(d.asked()), 2)
						return
					}
					if err := <-errs; !errors.Is(err, ErrNobody) {
						t.Errorf("at once: got %v, want %v", err, ErrNobody)
					}
					time.Sleep(pause)
					d.await(t, 1, next)
					check(t, "questions after a minute", len(d.asked()), 2)
				})
			})
		}
	}
}

func TestLoginElsewhereEndsTheRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, Settings{})
		defer d.end()
		d.loggedIn()
		errs := d.await(t, 1, write)
		d.answer <- Answer{}
		<-errs
		d.loggedIn()
		d.await(t, 1, write)
		check(t, "questions", len(d.asked()), 2)
	})
}

func TestLoginElsewhereMayBringWhatIsWanted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, Settings{})
		defer d.end()
		d.loggedIn()
		errs := d.await(t, 1, write)
		d.loggedIn()
		if err := <-errs; err != nil {
			t.Errorf("got %v", err)
		}
		gathered()
		check(t, "questions that are shown", d.shown(), 0)
		check(t, "logins", d.logins, 0)
	})
}

func TestWantMoreDuringALogin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, Settings{})
		defer d.end()
		d.loggedIn()
		ended := make(chan struct{})
		d.mu.Lock()
		d.underway = map[string]chan struct{}{"work": ended}
		d.mu.Unlock()
		errs := d.await(t, 1, write)
		check(t, "questions while a login is under way", len(d.asked()), 0)
		close(ended)
		if err := <-errs; err != nil {
			t.Errorf("got %v, want another try", err)
		}
	})
}

func TestStrongerLogin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, Settings{})
		defer d.end()
		d.loggedIn()
		errs := d.await(t, 1, Want{ACRValues: "phr", MaxAge: "0"})
		want(t, "questions", d.asked(), "Sign in to work again?: A program uses a server that wants a new or a stronger login.")
		d.answer <- Answer{}
		check(t, "error", api.AsError(<-errs).Message, "work needs a login: the question on the desktop was dismissed")
	})
}

func TestNobodyWhoCouldAgree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, Settings{})
		defer d.end()
		d.loggedIn()
		d.mu.Lock()
		s := d.accounts["work"]
		s.Grant = "client_credentials"
		d.accounts["work"] = s
		d.mu.Unlock()
		if err := d.Await(t.Context(), "work", write); !errors.Is(err, ErrNobody) {
			t.Errorf("got %v, want %v", err, ErrNobody)
		}
		check(t, "questions", len(d.asked()), 0)
	})
}
