package daemon

import (
	"context"
	"sync"

	"oauthd/ipc/api"
)

var (
	errSuperseded = &api.Error{Code: api.LoginSuperseded, Message: "a newer login or a logout of this account took over"}
	errStopping   = &api.Error{Code: api.LoginFailed, Message: "the daemon is stopping", Hint: "start the login again"}
)

// login is one authorization under way.
type login struct {
	id     string
	cancel context.CancelCauseFunc
}

// logins are those under way, at most one for an account.
type logins struct {
	running sync.WaitGroup

	mu        sync.Mutex // guards the fields below
	byAccount map[string]*login
	stopping  bool
}

// supersede ends the login of name that is under way, if there is one, and puts next in its place; nil puts none.
func (s *logins) supersede(name string, next *login) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if last, ok := s.byAccount[name]; ok {
		last.cancel(errSuperseded)
		delete(s.byAccount, name)
	}
	if next == nil {
		return
	}
	if s.stopping {
		next.cancel(errStopping)
	}
	s.byAccount[name] = next
	s.running.Add(1)
}

// end takes l off; every login that began ends once.
func (s *logins) end(name string, l *login) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byAccount[name] == l {
		delete(s.byAccount, name)
	}
	s.running.Done()
}

// current reports whether l is still the login of name.
func (s *logins) current(name string, l *login) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.byAccount[name] == l
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
