package attend

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"oauthd/ipc/api"
)

// ended has the logins of n accounts end at once, and returns their names.
func (d *desk) ended(n int) (names []string) {
	for i := range n {
		names = append(names, fmt.Sprintf("a%02d", i))
		d.become(names[i], api.StateLoginRequired, nil)
	}
	return names
}

// asked returns the questions that there were, each with what it says.
func (d *desk) asked() (texts []string) {
	gathered()
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, q := range d.questions {
		texts = append(texts, q.Summary+": "+q.Body)
	}
	return texts
}

func want(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

func TestLoginsThatEndAtOnceAreOneQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, Settings{})
		defer d.end()
		names := d.ended(10)
		errs := make(chan error, len(names))
		for _, name := range names {
			go func() { errs <- d.Await(t.Context(), name, Want{}) }()
		}
		want(t, "questions", d.asked(),
			"10 accounts need a login: a00, a01, a02, a03, a04, a05, a06, a07, a08, a09. Their sign-in pages open one after the other.")
		d.answer <- Answer{Agreed: true, Activation: "focus"}
		synctest.Wait()
		_, logins := d.seen()
		check(t, "logins at first", logins, 1)
		for range names {
			if err := <-errs; err != nil {
				t.Errorf("a caller: got %v", err)
			}
		}
		want(t, "pages, each after the login before", d.pages[:2], "https://login.example.com/a00 focus", "https://login.example.com/a01 ")
		check(t, "logins", d.logins, len(names))
		check(t, "questions in the end", len(d.asked()), 1)
	})
}

func TestQuestionChangesWithItsAccounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, Settings{})
		defer d.end()
		d.become("b", api.StateLoginRequired, nil)
		d.asked()
		d.become("a", api.StateLoginRequired, nil)
		both := "2 accounts need a login: a, b. Their sign-in pages open one after the other."
		want(t, "another account", d.asked(), "b needs a login: b needs a login", both)
		check(t, "questions that are shown", d.shown(), 1)
		d.become("b", api.StateReady, nil)
		want(t, "one logged in elsewhere", d.asked()[2:], "a needs a login: a needs a login")
		check(t, "questions that are shown", d.shown(), 1)
		d.become("a", api.StateReady, nil)
		check(t, "questions when none needs a login", len(d.asked()), 3)
		check(t, "questions that are shown", d.shown(), 0)
		d.become("a", api.StateLoginRequired, nil)
		check(t, "questions when one needs a login again", len(d.asked()), 4)
	})
}

func TestFailedLoginLeavesTheOthersToBeAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, Settings{})
		defer d.end()
		d.ended(3)
		gathered()
		d.mu.Lock()
		d.loginErr = &api.Error{Code: api.LoginTimeout, Message: "nobody came"}
		d.mu.Unlock()
		d.answer <- Answer{Agreed: true}
		want(t, "questions after the failure", d.asked()[1:], "2 accounts need a login: a01, a02. Their sign-in pages open one after the other.")
		check(t, "logins", d.logins, 1)
		want(t, "texts", d.texts, "The login to a00 failed: nobody came")
		result := make(chan error, 1)
		go func() { result <- d.Await(t.Context(), "a02", Want{}) }()
		synctest.Wait()
		d.answer <- Answer{}
		check(t, "a caller's error", api.AsError(<-result).Message, "a02 needs a login: the question on the desktop was dismissed")
	})
}

// A caller of an account whose turn has not come gets its token as soon as somebody has logged in elsewhere.
func TestTurnThatIsNotNeeded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, Settings{})
		defer d.end()
		d.ended(2)
		gathered()
		ctx, cancel := context.WithTimeout(t.Context(), 900*time.Millisecond) // a login takes a second
		defer cancel()
		result := make(chan error, 1)
		go func() { result <- d.Await(ctx, "a01", Want{}) }()
		d.answer <- Answer{Agreed: true}
		synctest.Wait()
		d.become("a01", api.StateReady, nil)
		if err := <-result; err != nil {
			t.Errorf("got %v, want a token", err)
		}
		time.Sleep(5 * time.Second)
		check(t, "logins", d.logins, 1)
	})
}

func TestManyNamesAreCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, Settings{})
		defer d.end()
		d.ended(14)
		want(t, "questions", d.asked(), "14 accounts need a login: a00, a01, a02, a03, a04, a05, a06, a07, a08, a09, a10, a11 and 2 more. "+
			"Their sign-in pages open one after the other.")
	})
}
