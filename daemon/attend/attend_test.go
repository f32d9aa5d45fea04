package attend

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"oauthd/daemon/hook"
	"oauthd/daemon/words"
	"oauthd/ipc/api"

	"github.com/rs/zerolog"
)

// desk is a Desk with accounts, a person and a desktop of its own.
type desk struct {
	*Desk
	end func()

	mu        sync.Mutex // guards the fields below
	accounts  map[string]Standing
	underway  map[string]chan struct{}
	logins    int
	wanted    []Want // of the logins
	loginErr  error
	pages     []string
	questions []words.Question
	open      int // questions that are shown
	texts     []string
	answer    chan Answer // what the person answers
	askErr    error
	openErr   error
}

func newDesk(t *testing.T, settings Settings) *desk {
	d := &desk{accounts: map[string]Standing{}, underway: map[string]chan struct{}{}, answer: make(chan Answer)}
	d.Desk = New(Config{
		Accounts: d, Desktop: d, Settings: func() Settings { return settings }, Hook: func(hook.Command) {}, Changed: func(string) {},
		Log: zerolog.Nop(), Now: time.Now,
	})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); d.Run(ctx) }()
	synctest.Wait()
	d.end = func() { cancel(); <-ended }
	return d
}

func (d *desk) Standing(name string) (Standing, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	s, ok := d.accounts[name]
	return s, ok
}

func (d *desk) Underway(name string) <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.underway[name]
}

func (d *desk) Login(ctx context.Context, name string, w Want, events func(api.LoginEvent)) error {
	d.mu.Lock()
	d.logins++
	d.wanted = append(d.wanted, w)
	err := d.loginErr
	d.mu.Unlock()
	events(api.LoginEvent{Event: api.EventAuthorize, URL: "https://login.example.com/" + name})
	if err == nil {
		select {
		case <-time.After(time.Second): // the person takes a while
		case <-ctx.Done():
			return ctx.Err()
		}
		d.become(name, api.StateReady, nil)
	}
	return err
}

func (d *desk) Ask(ctx context.Context, q words.Question) (Answer, error) {
	d.mu.Lock()
	d.questions = append(d.questions, q)
	d.open++
	err := d.askErr
	d.mu.Unlock()
	defer func() {
		d.mu.Lock()
		d.open--
		d.mu.Unlock()
	}()
	if err != nil {
		return Answer{}, err
	}
	select {
	case a := <-d.answer:
		return a, nil
	case <-ctx.Done():
		return Answer{}, ctx.Err()
	}
}

func (d *desk) Tell(_ context.Context, q words.Question) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.texts = append(d.texts, q.Summary+": "+q.Body)
	return nil
}

func (d *desk) Open(_ context.Context, url, activation string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.pages = append(d.pages, url+" "+activation)
	return d.openErr
}

// become changes how an account is.
func (d *desk) become(name string, state api.State, why *api.Error) {
	d.mu.Lock()
	s := d.accounts[name]
	s.Name, s.State, s.LastError, s.HadLogin = name, state, why, true
	d.accounts[name] = s
	d.mu.Unlock()
	d.Changed(name)
}

// seen returns how many questions were shown, and how many logins begun.
func (d *desk) seen() (questions, logins int) {
	gathered()
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.questions), d.logins
}

// shown returns how many questions are on the desktop.
func (d *desk) shown() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.open
}

// gathered returns when a question that was due has been asked.
func gathered() {
	time.Sleep(gather)
	synctest.Wait()
}

func check(t *testing.T, what string, got, want any) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func TestOneQuestionForALoginThatEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, Settings{})
		defer d.end()
		d.become("work", api.StateReady, nil)
		if questions, _ := d.seen(); questions != 0 {
			t.Fatalf("got %d questions about an account that is ready", questions)
		}
		for range 3 { // refreshes that fail again
			d.become("work", api.StateLoginRequired, words.LoginRequired("work", "the provider has ended this login"))
		}
		questions, logins := d.seen()
		check(t, "questions", questions, 1)
		check(t, "logins before the person agreed", logins, 0)
		check(t, "body", d.questions[0].Body, "work needs a login: the provider has ended this login")
		if asked, callers := d.Waiting("work"); !asked || callers != 0 {
			t.Errorf("waiting: got %v and %d callers, want a question that no caller waits for", asked, callers)
		}
		d.answer <- Answer{Agreed: true, Activation: "token"}
		_, logins = d.seen()
		check(t, "logins", logins, 1)
		check(t, "page", d.pages[0], "https://login.example.com/work token")
		time.Sleep(time.Second)
		synctest.Wait()
		if asked, _ := d.Waiting("work"); asked {
			t.Error("still asked after the login")
		}
		d.become("work", api.StateLoginRequired, words.LoginRequired("work", "again"))
		questions, _ = d.seen()
		check(t, "questions after it ended once more", questions, 2)
	})
}

func TestNobodyIsAskedAboutALogout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, Settings{OpenBrowser: true})
		defer d.end()
		d.mu.Lock()
		d.accounts["work"] = Standing{Account: api.Account{Name: "work", State: api.StateLoginRequired}}
		d.mu.Unlock()
		d.Changed("work")
		questions, logins := d.seen()
		check(t, "questions", questions, 0)
		check(t, "logins", logins, 0)
	})
}

func TestTwentyCallersWaitForOneQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, Settings{})
		defer d.end()
		d.become("work", api.StateLoginRequired, nil)
		errs := make(chan error, 20)
		for range cap(errs) {
			go func() { errs <- d.Await(t.Context(), "work", Want{}) }()
		}
		questions, _ := d.seen()
		check(t, "questions", questions, 1)
		if _, callers := d.Waiting("work"); callers != cap(errs) {
			t.Errorf("got %d callers that wait, want %d", callers, cap(errs))
		}
		d.answer <- Answer{Agreed: true}
		for range cap(errs) {
			if err := <-errs; err != nil {
				t.Errorf("got %v", err)
			}
		}
		_, logins := d.seen()
		check(t, "logins", logins, 1)
	})
}

func TestWhatEndsAQuestion(t *testing.T) {
	for _, test := range []struct {
		name   string
		happen func(*desk)
		want   string
	}{
		{"dismissed", func(d *desk) { d.answer <- Answer{} }, "work needs a login: the question on the desktop was dismissed"},
		{"a login in a terminal", func(d *desk) { d.become("work", api.StateReady, nil) }, ""},
		{"a lock", func(d *desk) { d.become("work", api.StateLocked, nil) }, ""},
		{"the account is removed", func(d *desk) {
			d.mu.Lock()
			delete(d.accounts, "work")
			d.mu.Unlock()
			d.Changed("work")
		}, ""},
		{"the login fails", func(d *desk) {
			d.mu.Lock()
			d.loginErr = &api.Error{Code: api.LoginDenied, Message: "the login was denied"}
			d.mu.Unlock()
			d.answer <- Answer{Agreed: true}
		}, "the login was denied"},
		{"no browser", func(d *desk) {
			d.mu.Lock()
			d.openErr = errors.New("no opener")
			d.mu.Unlock()
			d.answer <- Answer{Agreed: true}
		}, "the daemon could not open a browser in your session"},
		{"the daemon stops", func(d *desk) { d.end() }, "work needs a login"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDesk(t, Settings{})
				defer d.end()
				d.become("work", api.StateLoginRequired, nil)
				result := make(chan error, 1)
				go func() { result <- d.Await(t.Context(), "work", Want{}) }()
				synctest.Wait()
				test.happen(d)
				got := ""
				if err := <-result; err != nil {
					got = api.AsError(err).Message
				}
				check(t, "error", got, test.want)
				synctest.Wait()
				if asked, _ := d.Waiting("work"); asked {
					t.Error("still asked")
				}
			})
		})
	}
}

func TestFailureIsShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, Settings{OpenBrowser: true})
		defer d.end()
		d.loginErr = &api.Error{Code: api.LoginDenied, Message: "the login was denied", Hint: "try again"}
		d.become("work", api.StateLoginRequired, nil)
		gathered()
		if want := []string{"The login to work failed: the login was denied. Next: try again"}; !slices.Equal(d.texts, want) {
			t.Errorf("got %q, want %q", d.texts, want)
		}
	})
}

func TestDismissedQuestionIsNotRaisedAgainAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, Settings{})
		defer d.end()
		d.become("work", api.StateLoginRequired, nil)
		synctest.Wait()
		d.answer <- Answer{}
		synctest.Wait()
		if err := d.Await(t.Context(), "work", Want{}); !errors.Is(err, ErrNobody) {
			t.Errorf("at once: got %v, want %v", err, ErrNobody)
		}
		time.Sleep(pause)
		go func() { _ = d.Await(t.Context(), "work", Want{}) }()
		questions, _ := d.seen()
		check(t, "questions after a pause", questions, 2)
	})
}

func TestCallerThatHasNoTimeLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, Settings{})
		defer d.end()
		d.become("work", api.StateLoginRequired, nil)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		err := d.Await(ctx, "work", Want{})
		check(t, "error", api.AsError(err).Message, "work needs a login: a person was asked to log in, and has not done so yet")
		if asked, callers := d.Waiting("work"); !asked || callers != 0 {
			t.Errorf("got %v and %d callers, want the question still there, for nobody", asked, callers)
		}
	})
}

func TestLoginUnderwayIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, Settings{})
		defer d.end()
		ended := make(chan struct{})
		d.underway["work"] = ended
		d.become("work", api.StateLoginRequired, nil)
		result := make(chan error, 1)
		go func() { result <- d.Await(t.Context(), "work", Want{}) }()
		questions, _ := d.seen()
		check(t, "questions while a login is under way", questions, 0)
		d.mu.Lock()
		delete(d.underway, "work")
		d.mu.Unlock()
		close(ended) // and has failed
		questions, _ = d.seen()
		check(t, "questions after it", questions, 1)
		d.become("work", api.StateReady, nil)
		if err := <-result; err != nil {
			t.Errorf("got %v", err)
		}
	})
}

func TestNoDesktop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, Settings{})
		defer d.end()
		d.askErr = errors.New("no bus")
		d.become("work", api.StateLoginRequired, nil)
		gathered()
		if asked, _ := d.Waiting("work"); asked {
			t.Error("a question is said to be asked")
		}
		err := d.Await(t.Context(), "work", Want{})
		if !errors.Is(err, ErrNobody) && api.AsError(err).Code != api.LoginRequired {
			t.Errorf("got %v", err)
		}
	})
}

func TestEndOfALoginIsAnnouncedInTime(t *testing.T) {
	const day = 24 * time.Hour
	for _, test := range []struct {
		name      string
		whole     time.Duration // from the login to its end; 0 if it is not known when the login was
		left      time.Duration
		prolonged bool
		want      int
	}{
		{"far away", 7 * day, 4 * day, false, 0},
		{"three days ahead", 7 * day, 3 * day, false, 1},
		{"a short login that has just begun", day, 23 * time.Hour, false, 0},
		{"a short login, half-way", day, 12 * time.Hour, false, 1},
		{"nobody knows since when", 0, 2 * day, false, 1},
		{"oauthd prolongs it", 7 * day, day, true, 0},
		{"past", 7 * day, -time.Minute, false, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDesk(t, Settings{})
				defer d.end()
				end := time.Now().Add(test.left)
				s := Standing{Account: api.Account{LoginEndsAt: &end, LoginEndsReason: "Google ends it after seven days", LoginProlonged: test.prolonged}}
				if test.whole != 0 {
					s.LoggedInAt = end.Add(-test.whole)
				}
				d.accounts["work"] = s
				for range 2 {
					d.become("work", api.StateReady, nil)
					synctest.Wait()
				}
				if len(d.texts) != test.want || test.want > 0 && !strings.Contains(d.texts[0], "Google ends it after seven days. To log in before that: oauthd login work") {
					t.Errorf("got %q, want %d", d.texts, test.want)
				}
			})
		})
	}
}

func TestEventsRunTheConfiguredCommand(t *testing.T) {
	end := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	var c hook.Command
	d := New(Config{
		Settings: func() Settings { return Settings{OnEvent: []string{"notify", "a b"}} }, Hook: func(added hook.Command) { c = added },
	})
	d.announce(eventRequired, Standing{Account: api.Account{Name: "work", Provider: "google", State: api.StateLoginRequired, LoginEndsAt: &end}}, "why")
	if !slices.Equal(c.Argv, []string{"notify", "a b"}) {
		t.Fatalf("got %v", c)
	}
	got := map[string]string{}
	for _, fact := range c.Facts {
		name, value, _ := strings.Cut(fact, "=")
		got[name] = value
	}
	want := map[string]string{
		"OAUTHD_EVENT": "login_required", "OAUTHD_ACCOUNT": "work", "OAUTHD_PROVIDER": "google", "OAUTHD_STATE": "login_required",
		"OAUTHD_MESSAGE": "why", "OAUTHD_HINT": "oauthd login work", "OAUTHD_LOGIN_ENDS_AT": "2026-03-01T12:00:00Z",
	}
	if !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
