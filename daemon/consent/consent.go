// Package consent asks a person whether a caller may use an account. Identical questions are asked once, an answer is
// remembered for as long as the person says, and a question that nobody answers is a refusal that is not remembered.
//
// What an answer is for is the account, the session that the caller belongs to, and the scopes: not the process and not the
// terminal, so that a program that starts a thousand others is asked about once.
package consent

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"oauthd/daemon/words"
	"oauthd/ipc/api"

	"github.com/rs/zerolog"
)

const (
	// patience is how long a person has to answer.
	patience = time.Minute
	// quiet is how long a process that a person refused does not cause the same question again.
	quiet = time.Minute
	// maxWaiting is how many questions wait at once. A program can look like many.
	maxWaiting = 16
)

// Way is one way to a person.
type Way interface {
	// Ask shows a question and returns the answer, one of the question's; "" if the person has dismissed it. ErrNoPerson
	// means that there is nobody here to ask.
	Ask(ctx context.Context, q api.Question, text words.Question) (answer string, err error)
}

// ErrNoPerson means that a way leads to nobody.
var ErrNoPerson = errors.New("consent: there is nobody to ask")

// Config is what a Desk is made of.
type Config struct {
	// Ways are tried in this order.
	Ways []Way
	// Terminal reports whether the person has a terminal other than the one of the caller, in which to run oauthd approve.
	Terminal func(caller api.Evidence) bool
	// Answered is called, with no mutex held, when a question has ended; answer is "" if nobody gave one.
	Answered func(q api.Question, answer string)
	Log      zerolog.Logger
	// Now is the wall clock.
	Now func() time.Time
}

// Desk is where callers wait for a person. It is safe for concurrent use.
type Desk struct {
	cfg  Config
	work sync.WaitGroup

	mu      sync.Mutex // guards the fields below; nothing else is locked while it is held
	last    int
	waiting map[string]*waiting // by key
	given   map[string]api.Consent
	refused map[string]time.Time // until when, by key and process
}

// waiting is a question that is being asked.
type waiting struct {
	api.Question     // which never changes; its Waiting is 0
	requests     int // that wait
	key          string
	// answered is closed once answer is set.
	answered chan struct{}
	answer   string
	end      context.CancelFunc // takes the question back
	// nobody is true if it ended because there is nobody to ask.
	nobody bool
}

// New makes a Desk.
func New(cfg Config) *Desk {
	return &Desk{cfg: cfg, waiting: map[string]*waiting{}, given: map[string]api.Consent{}, refused: map[string]time.Time{}}
}

// key says for what an answer is. A caller without a known origin is its own.
func key(q api.Question) string {
	origin := cmp.Or(q.Caller.Origin, &q.Caller.Process)
	return strings.Join([]string{
		q.Account, strconv.Itoa(q.Caller.UID), q.Caller.Socket, strconv.Itoa(origin.PID), strconv.FormatUint(origin.Start, 10), strings.Join(q.Scopes, " "),
	}, "\n")
}

// asker says which process asks: oauthd's own, if that asks for another.
func asker(q api.Question) string {
	p := cmp.Or(q.Caller.Through, &q.Caller.Process)
	return key(q) + "\n" + strconv.Itoa(p.PID) + " " + strconv.FormatUint(p.Start, 10)
}

// Ask returns nil if the person agrees, or has agreed, to q. It waits for the answer until ctx ends; the question goes on
// for others. fresh is true if an earlier answer does not count.
func (d *Desk) Ask(ctx context.Context, q api.Question, fresh bool) error {
	k := key(q)
	if fresh { // an answer for once is for one program
		k += "\n" + q.Caller.Executable
	}
	d.mu.Lock()
	if !fresh && d.rememberedLocked(k) {
		d.mu.Unlock()
		return nil
	}
	if d.refusedLocked(asker(q)) {
		d.mu.Unlock()
		return words.ConsentRefused(q)
	}
	w := d.waiting[k]
	if w == nil && len(d.waiting) >= maxWaiting {
		d.mu.Unlock()
		return words.TooManyQuestions()
	}
	if w == nil {
		w = d.askLocked(k, q)
	}
	w.requests++
	d.mu.Unlock()
	defer func() {
		d.mu.Lock()
		w.requests--
		d.mu.Unlock()
	}()
	select {
	case <-w.answered:
	case <-ctx.Done():
		return words.ConsentAwaited(w.Question)
	}
	switch {
	case w.nobody:
		return words.NobodyToAsk(w.Question)
	case w.answer == "":
		return words.ConsentUnanswered(w.Question)
	case w.answer == api.ConsentDeny:
		d.mu.Lock()
		d.refused[asker(q)] = d.cfg.Now().Add(quiet)
		d.mu.Unlock()
		return words.ConsentRefused(w.Question)
	}
	return nil
}

func (d *Desk) rememberedLocked(k string) bool {
	c, ok := d.given[k]
	if ok && c.Until != nil && !d.cfg.Now().Before(*c.Until) {
		delete(d.given, k)
		return false
	}
	return ok
}

// refusedLocked reports whether a process was refused just now, and drops what is over.
func (d *Desk) refusedLocked(process string) bool {
	now := d.cfg.Now()
	maps.DeleteFunc(d.refused, func(_ string, until time.Time) bool { return !now.Before(until) })
	_, ok := d.refused[process]
	return ok
}

// askLocked begins a question.
func (d *Desk) askLocked(k string, q api.Question) *waiting {
	d.last++
	q.ID = strconv.Itoa(d.last)
	q.AskedAt = d.cfg.Now().UTC().Truncate(time.Second)
	q.Until = q.AskedAt.Add(patience)
	ctx, end := context.WithTimeout(context.Background(), patience)
	w := &waiting{Question: q, key: k, answered: make(chan struct{}), end: end}
	d.waiting[k] = w
	d.work.Go(func() {
		defer end()
		d.show(ctx, w)
	})
	return w
}

// show asks by the first way that leads to a person, and waits for oauthd approve beside it.
func (d *Desk) show(ctx context.Context, w *waiting) {
	text := words.MayUse(w.Question)
	for _, way := range d.cfg.Ways {
		answer, err := way.Ask(ctx, w.Question, text)
		if errors.Is(err, ErrNoPerson) {
			continue
		}
		if err != nil && ctx.Err() == nil {
			d.cfg.Log.Warn().Err(err).Str("account", w.Account).Msg("a question could not be shown")
			continue
		}
		d.settle(w, answer, false)
		return
	}
	if !d.cfg.Terminal(w.Caller) {
		d.settle(w, "", true)
		return
	}
	<-ctx.Done()
	d.settle(w, "", false)
}

// settle ends a question; the first answer counts.
func (d *Desk) settle(w *waiting, answer string, nobody bool) bool {
	d.mu.Lock()
	if d.waiting[w.key] != w {
		d.mu.Unlock()
		return false
	}
	delete(d.waiting, w.key)
	w.answer, w.nobody = answer, nobody
	d.rememberLocked(w)
	close(w.answered)
	d.mu.Unlock()
	w.end()
	d.cfg.Log.Info().Str("account", w.Account).Str("caller", words.CallerName(w.Caller)).Str("answer", cmp.Or(answer, "none")).Msg("consent")
	d.cfg.Answered(w.Question, answer)
	return true
}

// rememberLocked remembers an answer that is for longer than once.
func (d *Desk) rememberLocked(w *waiting) {
	now := d.cfg.Now().UTC().Truncate(time.Second)
	c := api.Consent{Account: w.Account, Origin: *cmp.Or(w.Caller.Origin, &w.Caller.Process), Scopes: w.Scopes, GivenAt: now}
	switch w.answer {
	case api.ConsentHour:
		c.Until = new(now.Add(time.Hour))
	case api.ConsentHours:
		c.Until = new(now.Add(8 * time.Hour))
	case api.ConsentLock, api.ConsentAlways:
	default:
		return
	}
	d.given[w.key] = c
}

// Answer answers the question of that id. The error is an [api.Error] if there is no such question, or the answer is not
// one of its answers.
func (d *Desk) Answer(id, answer string) (api.Question, error) {
	d.mu.Lock()
	w := d.byIDLocked(id)
	d.mu.Unlock()
	if w == nil {
		return api.Question{}, words.NoQuestion(id)
	}
	if !slices.Contains(w.Answers, answer) {
		return api.Question{}, words.NoAnswer(answer, w.Answers)
	}
	if !d.settle(w, answer, false) {
		return api.Question{}, words.NoQuestion(id)
	}
	return w.Question, nil
}

// byIDLocked returns the question of that id that waits; nil if there is none.
func (d *Desk) byIDLocked(id string) *waiting {
	for _, w := range d.waiting {
		if w.ID == id {
			return w
		}
	}
	return nil
}

// shownLocked returns the question with the number of requests that wait.
func (w *waiting) shownLocked() api.Question {
	q := w.Question
	q.Waiting = w.requests
	return q
}

// Question returns the question of that id that waits; ok is false if there is none.
func (d *Desk) Question(id string) (q api.Question, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	w := d.byIDLocked(id)
	if w == nil {
		return api.Question{}, false
	}
	return w.shownLocked(), true
}

// List returns the questions that wait, the oldest first, and the answers that are remembered.
func (d *Desk) List() api.Consents {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := api.Consents{Questions: []api.Question{}, Given: []api.Consent{}}
	for _, w := range d.waiting {
		all.Questions = append(all.Questions, w.shownLocked())
	}
	slices.SortFunc(all.Questions, func(a, b api.Question) int { return a.AskedAt.Compare(b.AskedAt) })
	for _, k := range slices.Sorted(maps.Keys(d.given)) {
		if d.rememberedLocked(k) {
			all.Given = append(all.Given, d.given[k])
		}
	}
	return all
}

// Forget forgets the answers for the account of that name, or for all if it is "", and returns how many.
func (d *Desk) Forget(name string) (n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	before := len(d.given)
	maps.DeleteFunc(d.given, func(_ string, c api.Consent) bool { return name == "" || c.Account == name })
	return before - len(d.given)
}

// Lock forgets every answer and refuses what waits.
func (d *Desk) Lock() {
	d.mu.Lock()
	clear(d.given)
	clear(d.refused)
	all := slices.Collect(maps.Values(d.waiting))
	d.mu.Unlock()
	for _, w := range all {
		d.settle(w, api.ConsentDeny, false)
	}
}

// Close refuses what waits, and waits until no question is shown any more.
func (d *Desk) Close() {
	d.Lock()
	d.work.Wait()
}
