package consent

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"oauthd/daemon/words"
	"oauthd/ipc/api"

	"github.com/rs/zerolog"
)

// way answers what it is told to.
type way struct {
	answers chan string
	err     error

	mu    sync.Mutex // guards asked
	asked []string
}

func (w *way) times() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.asked)
}

func (w *way) Ask(ctx context.Context, q api.Question, text words.Question) (string, error) {
	if w.err != nil {
		return "", w.err
	}
	w.mu.Lock()
	w.asked = append(w.asked, text.Summary)
	w.mu.Unlock()
	select {
	case answer := <-w.answers:
		return answer, nil
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

func newDesk(terminal bool, ways ...Way) *Desk {
	return New(Config{
		Ways: ways, Terminal: func(api.Evidence) bool { return terminal }, Answered: func(api.Question, string) {}, Log: zerolog.Nop(), Now: time.Now,
	})
}

func question(account string, origin int, scopes ...string) api.Question {
	return api.Question{
		Account: account, Scopes: scopes, Answers: api.ConsentAnswers(), File: "/work.toml",
		Caller: api.Evidence{UID: 1000, Process: api.Process{PID: 70, Executable: "/bin/agent", Start: 7}, Origin: &api.Process{PID: origin, Start: 5}},
	}
}

// asks asks n times at once, and returns where the results come.
func asks(d *Desk, n int, q api.Question, fresh bool) <-chan error {
	results := make(chan error, n)
	for range n {
		go func() { results <- d.Ask(context.Background(), q, fresh) }()
	}
	return results
}

func TestIdenticalQuestionsAreOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &way{answers: make(chan string)}
		d := newDesk(true, w)
		defer d.Close()
		results := asks(d, 100, question("work", 1), false)
		synctest.Wait()
		all := d.List()
		if len(all.Questions) != 1 || all.Questions[0].Waiting != 100 || w.times() != 1 {
			t.Errorf("got %d questions, shown %d times, %d waiting; want one for a hundred", len(all.Questions), w.times(), all.Questions[0].Waiting)
		}
		other := asks(d, 1, question("work", 2), false)
		synctest.Wait()
		if n := len(d.List().Questions); n != 2 {
			t.Errorf("got %d questions, want one more for another origin", n)
		}
		w.answers <- api.ConsentLock
		synctest.Wait()
		w.answers <- api.ConsentDeny
		var refused int
		for range 100 {
			if err := <-results; err != nil {
				refused++
			}
		}
		if err := <-other; (err != nil) == (refused == 100) || refused != 0 && refused != 100 {
			t.Errorf("got %d of 100 refused and the other %v, want one question refused", refused, err)
		}
	})
}

func TestForHowLong(t *testing.T) {
	for _, test := range []struct {
		answer string
		agreed bool
		lasts  time.Duration // 0: not remembered; negative: until it is locked
	}{
		{api.ConsentOnce, true, 0}, {api.ConsentHour, true, time.Hour}, {api.ConsentHours, true, 8 * time.Hour},
		{api.ConsentLock, true, -1}, {api.ConsentAlways, true, -1}, {"", false, 0},
	} {
		t.Run(test.answer, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &way{answers: make(chan string, 1)}
				d := newDesk(true, w)
				defer d.Close()
				again := func() (agreed, asked bool) {
					before := w.times()
					results := asks(d, 1, question("work", 1), false)
					synctest.Wait()
					if asked = w.times() > before; asked {
						w.answers <- test.answer
					}
					return <-results == nil, asked
				}
				if agreed, asked := again(); agreed != test.agreed || !asked {
					t.Errorf("got %t, asked %t, want %t after a question", agreed, asked, test.agreed)
				}
				if _, asked := again(); asked != (test.lasts == 0) {
					t.Errorf("again: asked %t, want %t", asked, test.lasts == 0)
				}
				if test.lasts > 0 {
					time.Sleep(test.lasts - time.Second)
					if _, asked := again(); asked {
						t.Errorf("asked before %v have passed", test.lasts)
					}
					time.Sleep(time.Second)
					if _, asked := again(); !asked {
						t.Errorf("not asked after %v", test.lasts)
					}
				}
				if test.lasts < 0 {
					time.Sleep(100 * time.Hour)
					if _, asked := again(); asked {
						t.Error("asked although nothing was locked")
					}
					d.Lock()
					if _, asked := again(); !asked {
						t.Error("not asked after a lock")
					}
				}
			})
		})
	}
}

// A process that was refused does not ask again at once, as a program does that tries several ways; another one does.
func TestRefusedProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &way{answers: make(chan string, 3)}
		d := newDesk(true, w)
		defer d.Close()
		other := question("work", 1)
		other.Caller.PID++
		for i, step := range []struct {
			q     api.Question
			after time.Duration
			asked int
		}{{question("work", 1), 0, 1}, {question("work", 1), quiet - time.Second, 1}, {other, 0, 2}, {question("work", 1), time.Second, 3}} {
			time.Sleep(step.after)
			if len(w.answers) == 0 {
				w.answers <- api.ConsentDeny
			}
			if err := d.Ask(t.Context(), step.q, false); err == nil || w.times() != step.asked {
				t.Errorf("step %d: got %v, asked %d times, want a refusal and %d", i, err, w.times(), step.asked)
			}
		}
	})
}

// A program that looks like many does not bury the person in questions.
func TestQuestionsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(true, &way{})
		defer d.Close()
		for i := range maxWaiting {
			asks(d, 1, question("work", i+1), false)
		}
		synctest.Wait()
		if err := d.Ask(t.Context(), question("work", maxWaiting+1), false); !errors.Is(err, &api.Error{Code: api.Busy}) {
			t.Errorf("got %v, want busy", err)
		}
	})
}

// An answer for once is for one program, even in the session of another that asks at the same time.
func TestFreshQuestionIsForOneProgram(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(true, &way{})
		defer d.Close()
		other := question("work", 1)
		other.Caller.Executable = "/bin/other"
		asks(d, 1, question("work", 1), true)
		asks(d, 1, other, true)
		synctest.Wait()
		if n := len(d.List().Questions); n != 2 {
			t.Errorf("got %d questions, want one for each program", n)
		}
	})
}

func TestFreshQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &way{answers: make(chan string, 2)}
		d := newDesk(true, w)
		defer d.Close()
		w.answers <- api.ConsentLock
		w.answers <- api.ConsentOnce
		first, second := d.Ask(t.Context(), question("work", 1), false), d.Ask(t.Context(), question("work", 1), true)
		if first != nil || second != nil || w.times() != 2 {
			t.Errorf("got %v, %v, asked %d times, want two questions", first, second, w.times())
		}
	})
}

func TestNobodyAnswers(t *testing.T) {
	for _, test := range []struct {
		name     string
		terminal bool
		ways     []Way
		after    time.Duration
		want     string
	}{
		{"the person is away", true, []Way{&way{}}, time.Minute, "nobody answered"},
		{"no desktop, a terminal", true, []Way{&way{err: ErrNoPerson}}, time.Minute, "nobody answered"},
		{"nobody is there", false, []Way{&way{err: ErrNoPerson}, &way{err: ErrNoPerson}}, 0, "neither a desktop nor a terminal"},
		{"the desktop fails", false, []Way{&way{err: errors.New("broken")}}, 0, "neither a desktop nor a terminal"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDesk(test.terminal, test.ways...)
				defer d.Close()
				began := time.Now()
				err := d.Ask(t.Context(), question("work", 1), false)
				if !errors.Is(err, &api.Error{Code: api.PolicyDenied}) || !strings.Contains(err.Error(), test.want) {
					t.Errorf("got %v, want %q", err, test.want)
				}
				if took := time.Since(began); took != test.after {
					t.Errorf("it took %v, want %v", took, test.after)
				}
				if all := d.List(); len(all.Questions)+len(all.Given) != 0 {
					t.Errorf("got %+v, want nothing left", all)
				}
			})
		})
	}
}

// The first way that leads to a person is the only one, and oauthd approve works beside it.
func TestApproveBesideAWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		none, desktop, never := &way{err: ErrNoPerson}, &way{}, &way{}
		d := newDesk(true, none, desktop, never)
		defer d.Close()
		results := asks(d, 1, question("work", 1), false)
		synctest.Wait()
		q := d.List().Questions[0]
		for _, wrong := range []struct{ id, answer string }{{"no", api.ConsentOnce}, {q.ID, "perhaps"}} {
			if _, err := d.Answer(wrong.id, wrong.answer); !errors.Is(err, &api.Error{Code: api.BadRequest}) {
				t.Errorf("%+v: got %v, want it refused", wrong, err)
			}
		}
		if got, err := d.Answer(q.ID, api.ConsentHour); err != nil || got.Account != "work" {
			t.Errorf("got %+v, %v", got, err)
		}
		if err := <-results; err != nil {
			t.Errorf("got %v, want consent", err)
		}
		if _, err := d.Answer(q.ID, api.ConsentDeny); err == nil {
			t.Error("a second answer was taken")
		}
		if desktop.times() != 1 || never.times() != 0 {
			t.Errorf("got %d and %d questions, want one, by the first way", desktop.times(), never.times())
		}
		if n := d.Forget("home"); n != 0 {
			t.Errorf("forgot %d of another account", n)
		}
		if n := d.Forget("work"); n != 1 {
			t.Errorf("forgot %d, want 1", n)
		}
	})
}

func TestCallerThatGoesAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &way{answers: make(chan string, 1)}
		d := newDesk(true, w)
		defer d.Close()
		ctx, cancel := context.WithCancel(t.Context())
		results := make(chan error, 1)
		go func() { results <- d.Ask(ctx, question("work", 1), false) }()
		synctest.Wait()
		stays := asks(d, 1, question("work", 1), false)
		synctest.Wait()
		cancel()
		if err := <-results; !errors.Is(err, &api.Error{Code: api.PolicyDenied}) || !strings.Contains(err.Error(), "nobody has answered yet") {
			t.Errorf("got %v", err)
		}
		w.answers <- api.ConsentOnce
		if err := <-stays; err != nil {
			t.Errorf("the other: got %v, want consent", err)
		}
	})
}

func TestLockRefusesWhatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(true, &way{})
		defer d.Close()
		results := asks(d, 2, question("work", 1), false)
		synctest.Wait()
		d.Lock()
		for range 2 {
			if err := <-results; !errors.Is(err, &api.Error{Code: api.PolicyDenied}) {
				t.Errorf("got %v, want a refusal", err)
			}
		}
	})
}

func TestForeign(t *testing.T) {
	process := func(pid int) api.Process { return api.Process{PID: pid, Start: uint64(pid)} }
	through := process(99)
	asker := api.Evidence{Process: process(30), Session: 20, TTY: 1, Parents: []api.Process{process(20), process(10)}}
	for _, test := range []struct {
		name     string
		answerer api.Evidence
		taken    bool
	}{
		{"another tab of the same terminal", api.Evidence{Process: process(40), Through: &through, Session: 40, TTY: 2, Parents: []api.Process{process(10)}}, true},
		{"a system that does not say", api.Evidence{}, true},
		{"no oauthd approve", api.Evidence{Process: process(40), Session: 40, TTY: 2}, false},
		{"no terminal", api.Evidence{Process: process(40), Through: &through, Session: 40}, false},
		{"the same session", api.Evidence{Process: process(40), Through: &through, Session: 20, TTY: 2}, false},
		{"the same terminal", api.Evidence{Process: process(40), Through: &through, Session: 40, TTY: 1}, false},
		{"a terminal of the asker's", api.Evidence{Process: process(50), Through: &through, Session: 50, TTY: 2, Parents: []api.Process{process(30), process(20), process(10)}}, false},
		{"a terminal of its shell's", api.Evidence{Process: process(50), Through: &through, Session: 50, TTY: 2, Parents: []api.Process{process(20), process(10)}}, false},
		{"itself", api.Evidence{Process: process(30), Through: &through, Session: 50, TTY: 2}, false},
	} {
		if why := Foreign(asker, test.answerer); (why == "") != test.taken {
			t.Errorf("%s: got %q, want it taken %t", test.name, why, test.taken)
		}
	}
}

func TestAskpass(t *testing.T) {
	yes, no := "true", "false"
	always := question("work", 1)
	always.Answers = []string{api.ConsentOnce, api.ConsentDeny}
	for _, test := range []struct {
		name, program string
		q             api.Question
		want          string
		err           error
	}{
		{"yes", yes, question("work", 1), api.ConsentLock, nil},
		{"yes, each time", yes, always, api.ConsentOnce, nil},
		{"no", no, question("work", 1), api.ConsentDeny, nil},
		{"none", "", question("work", 1), "", ErrNoPerson},
	} {
		got, err := Askpass{Program: test.program, Env: []string{"PATH=/usr/bin:/bin"}}.Ask(t.Context(), test.q, words.MayUse(test.q))
		if got != test.want || !errors.Is(err, test.err) {
			t.Errorf("%s: got %q, %v, want %q, %v", test.name, got, err, test.want, test.err)
		}
	}
	if _, err := (Askpass{Program: "/no/such/program"}).Ask(t.Context(), always, words.MayUse(always)); err == nil || errors.Is(err, ErrNoPerson) {
		t.Errorf("a program that is not there: got %v, want that it failed", err)
	}
}

// An answer from a process that has ended since may come from the program that asks.
func TestAnUnknownAnswererIsRefused(t *testing.T) {
	asker := api.Evidence{UID: 1000, Process: api.Process{PID: 70, Executable: "/bin/agent", Start: 7}}
	if why := Foreign(asker, api.Evidence{UID: 1000, Process: api.Process{PID: 71}, Unknown: true}); why == "" {
		t.Error("an answer from nowhere was taken")
	}
	asker = api.Evidence{UID: 1000, Process: api.Process{PID: 70}, Unknown: true}
	answerer := api.Evidence{Process: api.Process{PID: 80, Start: 8}, Through: &api.Process{PID: 81, Start: 9}, Session: 80, TTY: 4}
	if why := Foreign(asker, answerer); why == "" {
		t.Error("an answer to a question from nowhere was taken")
	}
}
