package daemon

import (
	"context"
	"errors"
	"sync"

	"oauthd/ipc/api"
	"oauthd/redirect"
)

var (
	errSuperseded = &api.Error{Code: api.LoginSuperseded, Message: "a newer login or a logout of this account took over",
		Hint: "oauthd status shows how the account is now"}
	errStopping = &api.Error{Code: api.LoginFailed, Message: "the daemon is stopping", Hint: "start the login again"}
)

// login is one authorization under way.
type login struct {
	id     string
	cancel context.CancelCauseFunc
	// deliver takes a pasted authorization response; nil while the login waits for none.
	deliver func(pasted string) error
	// ended is closed when the login has let go of everything, and so have those before it; last is that of the one
	// before.
	ended chan struct{}
	last  <-chan struct{}
	// forgotten is true when a logout came after. Logins that took over from each other share it; guarded by logins.mu.
	forgotten *bool
}

// logins are those under way, at most one for an account.
type logins struct {
	running sync.WaitGroup

	mu        sync.Mutex // guards the fields below
	byAccount map[string]*login
	stopping  bool
}

// supersede tells the login of name that is under way to end, because the account is logged out.
func (s *logins) supersede(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if last, ok := s.byAccount[name]; ok {
		last.cancel(errSuperseded)
		*last.forgotten = true
		delete(s.byAccount, name)
	}
}

// begin makes l the login of name, and tells the one that is under way to end.
func (s *logins) begin(name string, l *login) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping {
		return errStopping
	}
	if last, ok := s.byAccount[name]; ok {
		last.cancel(errSuperseded)
		l.last, l.forgotten = last.ended, last.forgotten
	} else {
		none := make(chan struct{})
		close(none)
		l.last, l.forgotten = none, new(bool)
	}
	s.byAccount[name] = l
	s.running.Add(1)
	return nil
}

// await says how l takes a pasted authorization response.
func (s *logins) await(l *login, deliver func(pasted string) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l.deliver = deliver
}

// waiting returns how the login of that id, or of the account of that name, takes a pasted authorization response; nil
// when there is none or it takes none.
func (s *logins) waiting(id string) (deliver func(pasted string) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l, ok := s.byAccount[id]; ok {
		return l.deliver
	}
	for _, l := range s.byAccount {
		if l.id == id {
			return l.deliver
		}
	}
	return nil
}

// end takes l off; every login that began ends once.
func (s *logins) end(name string, l *login) {
	<-l.last
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byAccount[name] == l {
		delete(s.byAccount, name)
	}
	close(l.ended)
	s.running.Done()
}

// current reports whether l is still the login of name.
func (s *logins) current(name string, l *login) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.byAccount[name] == l
}

// wanted reports whether what l has obtained may still be kept: a newer login waits for l to end, a logout does not.
func (s *logins) wanted(l *login) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !*l.forgotten
}

// endAll ends every login that waits for a person, with cause.
func (s *logins) endAll(cause error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.byAccount {
		l.cancel(cause)
	}
}

// drain ends those that still wait for a person, and returns when all have ended.
func (s *logins) drain() {
	s.mu.Lock()
	s.stopping = true
	for _, l := range s.byAccount {
		l.cancel(errStopping)
	}
	s.mu.Unlock()
	s.running.Wait()
}

// Callback gives the login of that id, or of the account of that name, the authorization response that a person pasted.
// An error tells what is wrong with it; the login goes on waiting.
func (d *Daemon) Callback(_ context.Context, id, pasted string) error {
	deliver := d.logins.waiting(id)
	if deliver == nil {
		return &api.Error{Code: api.UnknownLogin, Message: "no login is waiting for that", Hint: "oauthd login NAME starts one"}
	}
	err := deliver(pasted)
	if mistake, ok := errors.AsType[redirect.Mistake](err); ok {
		return (&api.Error{Code: api.BadRequest, Message: mistake.Error(),
			Hint: "copy the whole address from the browser's address bar after you agreed"}).Because(err)
	}
	if err != nil {
		return (&api.Error{Code: api.UnknownLogin, Message: "the login has its answer already, or has ended",
			Hint: "oauthd status shows how the account is now"}).Because(err)
	}
	return nil
}
