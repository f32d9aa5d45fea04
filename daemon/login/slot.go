package login

import (
	"context"
	"crypto/rand"
	"errors"
	"sync"

	"oauthd/daemon/account"
	"oauthd/daemon/words"
	"oauthd/ipc/api"
	"oauthd/redirect"
)

var (
	errSuperseded = &api.Error{Code: api.LoginSuperseded, Message: "a newer login or a logout of this account took over",
		Hint: "oauthd status shows the account's state"}
	errStopping = &api.Error{Code: api.LoginFailed, Message: "the daemon is stopping", Hint: "start the login again"}
)

// Slot is the place of one login, or import, among those under way: there is at most one for an account.
type Slot struct {
	all    *slots
	name   string // of the account
	id     string
	cancel context.CancelCauseFunc
	// deliver takes a pasted authorization response; nil while the login waits for none. Guarded by slots.mu.
	deliver func(pasted string) error
	// spent is true once a code or token has been obtained, which carries the login through. Guarded by slots.mu.
	spent bool
	// ended is closed when the login has let go of everything, and so have those before it; last is that of the one
	// before.
	ended chan struct{}
	last  <-chan struct{}
	// done or err is how the login ended, and abandoned is true if that is because its caller went away; to be read once it
	// has ended.
	done      api.LoginEvent
	err       error
	abandoned bool
	// forgotten is true when a logout came after. Logins that took over from each other share it; guarded by slots.mu.
	forgotten *bool
}

// slots are those of the logins under way, at most one for an account.
type slots struct {
	running sync.WaitGroup

	mu        sync.Mutex // guards the fields below; nothing else is locked while it is held
	byAccount map[string]*Slot
	stopping  bool
}

// Begin makes the caller the login of the account of that name, and shows the one that is under way to end. The context
// it returns ends when a newer login or a logout takes over, with that as its cause. [Slot.End] must be called.
func (l *Logins) Begin(ctx context.Context, name string) (context.Context, *Slot, error) {
	s := &Slot{all: &l.slots, name: name, id: rand.Text(), ended: make(chan struct{})}
	ctx, s.cancel = context.WithCancelCause(account.RememberProgram(ctx))
	overtaken, err := l.slots.begin(s)
	if err != nil {
		s.cancel(nil)
		return ctx, nil, err
	}
	if overtaken {
		l.log.Info().Str("account", name).Msg("a newer login has taken over")
	}
	if err := l.vault.Gate().Err(); err != nil { // which may not have ended s, which began meanwhile
		s.End()
		return ctx, nil, words.Locked(err)
	}
	return ctx, s, nil
}

// begin takes s in; overtaken is true if it took over from another.
func (a *slots) begin(s *Slot) (overtaken bool, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.stopping {
		return false, errStopping
	}
	last, overtaken := a.byAccount[s.name]
	if overtaken {
		last.cancel(errSuperseded)
		s.last, s.forgotten = last.ended, last.forgotten
	} else {
		none := make(chan struct{})
		close(none)
		s.last, s.forgotten = none, new(bool)
	}
	a.byAccount[s.name] = s
	a.running.Add(1)
	return overtaken, nil
}

// Underway returns a channel that is closed when the login of the account of that name that is under way has ended; nil
// if there is none.
func (l *Logins) Underway(name string) <-chan struct{} {
	l.slots.mu.Lock()
	defer l.slots.mu.Unlock()
	if s, ok := l.slots.byAccount[name]; ok {
		return s.ended
	}
	return nil
}

// Any reports whether a login is under way.
func (l *Logins) Any() bool {
	l.slots.mu.Lock()
	defer l.slots.mu.Unlock()
	return len(l.slots.byAccount) > 0
}

// End gives the slot back; every login that began ends once.
func (s *Slot) End() {
	<-s.last
	s.cancel(nil)
	s.all.mu.Lock()
	defer s.all.mu.Unlock()
	if s.all.byAccount[s.name] == s {
		delete(s.all.byAccount, s.name)
	}
	close(s.ended)
	s.all.running.Done()
}

// Wait returns when the login before has let go of everything, a fixed port for one, or why ctx ended before.
func (s *Slot) Wait(ctx context.Context) error {
	select {
	case <-s.last:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// await says how the login takes a pasted authorization response; nil if it takes none.
func (s *Slot) await(deliver func(pasted string) error) {
	s.all.mu.Lock()
	defer s.all.mu.Unlock()
	s.deliver = deliver
}

// spend says that the login can no longer be cancelled.
func (s *Slot) spend() {
	s.all.mu.Lock()
	defer s.all.mu.Unlock()
	s.spent = true
}

// current reports whether s is still the login of its account.
func (s *Slot) current() bool {
	s.all.mu.Lock()
	defer s.all.mu.Unlock()
	return s.all.byAccount[s.name] == s
}

// wanted reports whether what s has obtained may still be saved: a newer login waits for s to end, a logout does not.
func (s *Slot) wanted() bool {
	s.all.mu.Lock()
	defer s.all.mu.Unlock()
	return !*s.forgotten
}

// Supersede shows the login of the account of that name that is under way to end, because the account is logged out.
func (l *Logins) Supersede(name string) {
	l.slots.mu.Lock()
	defer l.slots.mu.Unlock()
	if last, ok := l.slots.byAccount[name]; ok {
		last.cancel(errSuperseded)
		*last.forgotten = true
		delete(l.slots.byAccount, name)
	}
}

// Cancel ends the wait of the login of the account of that name.
func (l *Logins) Cancel(name string) error {
	l.slots.mu.Lock()
	defer l.slots.mu.Unlock()
	s, ok := l.slots.byAccount[name]
	switch {
	case !ok:
		return words.NoLogin(name)
	case s.spent:
		return words.LoginSpent()
	}
	s.cancel(words.LoginCancelled(name))
	return nil
}

// EndAll ends every login that waits for a person, with cause, and forgets those that have ended before.
func (l *Logins) EndAll(cause error) {
	l.slots.mu.Lock()
	for _, s := range l.slots.byAccount {
		s.cancel(cause)
	}
	l.slots.mu.Unlock()
	l.redirects.Forget()
}

// Drain ends those that still wait for a person, lets none begin, and returns when all have ended and each browser has
// its page.
func (l *Logins) Drain() {
	l.slots.mu.Lock()
	l.slots.stopping = true
	for _, s := range l.slots.byAccount {
		s.cancel(errStopping)
	}
	l.slots.mu.Unlock()
	l.slots.running.Wait()
	l.redirects.Close()
}

// waiting returns how the login of that id, or of the account of that name, takes a pasted authorization response; nil
// when there is none or it takes none.
func (a *slots) waiting(id string) (deliver func(pasted string) error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if s, ok := a.byAccount[id]; ok {
		return s.deliver
	}
	for _, s := range a.byAccount {
		if s.id == id {
			return s.deliver
		}
	}
	return nil
}

// Callback gives the login of that id, or of the account of that name, the authorization response that a person pasted.
// An error says what is wrong with it; the login goes on waiting.
func (l *Logins) Callback(id, pasted string) error {
	deliver := l.slots.waiting(id)
	if deliver == nil {
		return words.NoLogin("")
	}
	err := deliver(pasted)
	if mistake, ok := errors.AsType[redirect.Mistake](err); ok {
		return (&api.Error{Code: api.BadRequest, Message: mistake.Error(),
			Hint: "copy the whole address from the browser's address bar after you agreed"}).Because(err)
	}
	if err != nil {
		return words.LoginSpent().Because(err)
	}
	return nil
}
