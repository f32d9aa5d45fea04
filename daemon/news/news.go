// Package news passes on what changes: which account is how, and that a new token is at hand. It never blocks the one
// that reports a change, and works nothing out while nobody watches.
package news

import (
	"context"
	"iter"
	"reflect"
	"strings"
	"sync"
	"time"

	"oauthd/daemon/account"
	"oauthd/daemon/token"
	"oauthd/ipc/api"
)

const (
	// room is how far one who watches may lag behind, in events; each account watched adds roomPerAccount, because one
	// cause may change them all.
	room           = 256
	roomPerAccount = 4
	// pollEvery is how often a watch looks whether time alone has changed something: a token that ended.
	pollEvery = 30 * time.Second
)

var (
	errTooSlow = &api.Error{Code: api.Busy, Message: "the events were not read in time, so the watch has ended",
		Hint: "watch again; it starts with a snapshot of everything"}
	errNoMoreNews = &api.Error{Code: api.Busy, Message: "the daemon is stopping", Hint: "try again", RetryAfter: 1}
)

// Accounts is where a Desk looks up what it reports.
type Accounts interface {
	// Names returns the names of all accounts.
	Names() []string
	// Look returns how the account of that name is, every account for "", with the store's own trouble in it.
	Look(ctx context.Context, name string) ([]api.Account, error)
	// Learn asks the store about the credential of the account of that name if nothing is known of it yet.
	Learn(ctx context.Context, name string) error
	// Known returns how the account of that name is without asking the store. storeErr is why nothing is known of its
	// credential, nil for no trouble; known is false if nothing is, and exists is false if there is no such account.
	Known(name string, storeErr error) (a api.Account, known, exists bool)
}

// Desk is where changes are reported and watched. It is safe for concurrent use.
type Desk struct {
	accounts Accounts

	// mu guards the fields below; accounts is asked while it is held, and takes locks of its own.
	mu   sync.Mutex
	all  map[*watcher]struct{}
	last map[string]api.Account // as reported last
	over bool
}

// New makes a Desk.
func New(accounts Accounts) *Desk { return &Desk{accounts: accounts} }

// watcher is one who watches. Nobody waits for it: when its news are full it is dropped.
type watcher struct {
	account string // "" for all
	news    chan item
	// slow says, once news is closed, whether it was dropped.
	slow bool
}

// item is an event, or the name of an account of which nothing is known before the store is asked.
type item struct {
	event  api.WatchEvent
	lookUp string
}

// Watch reports how name is, or every account for "", and then whatever changes, until ctx ends, the daemon stops, or
// the events are not taken in time, which is the sequence's error. Its events are those of [api.WatchEvent], without
// time order between accounts in the snapshot but with it from then on.
func (s *Desk) Watch(ctx context.Context, name string) (iter.Seq2[api.WatchEvent, error], error) {
	known, err := s.accounts.Look(ctx, name)
	if err != nil {
		return nil, err
	}
	w, snapshot, err := s.join(name, known)
	if err != nil {
		return nil, err
	}
	// Also for a caller that never ranges over the sequence.
	context.AfterFunc(ctx, func() { s.leave(w) })
	return func(yield func(api.WatchEvent, error) bool) {
		defer s.leave(w)
		for _, e := range snapshot {
			if !yield(e, nil) {
				return
			}
		}
		s.follow(ctx, w, yield)
	}, nil
}

// follow passes on the news of w.
func (s *Desk) follow(ctx context.Context, w *watcher, yield func(api.WatchEvent, error) bool) {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		select {
		case n, ok := <-w.news:
			switch {
			case !ok:
				if w.slow && ctx.Err() == nil {
					yield(api.WatchEvent{}, errTooSlow)
				}
				return
			case n.lookUp != "":
				s.tell(n.lookUp, s.accounts.Learn(ctx, n.lookUp))
			case !yield(n.event, nil):
				return
			}
		case <-tick.C:
			s.ChangedAll()
		case <-ctx.Done():
			return
		}
	}
}

// join takes in one more and returns how everything is at that moment. known is how accounts were just before, with
// the store's own trouble in it.
func (s *Desk) join(name string, known []api.Account) (*watcher, []api.WatchEvent, error) {
	w := &watcher{account: name, news: make(chan item, room+roomPerAccount*len(known))}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return nil, nil, errNoMoreNews
	}
	if len(s.all) == 0 {
		s.all, s.last = map[*watcher]struct{}{}, map[string]api.Account{}
	}
	s.all[w] = struct{}{}
	var snapshot []api.WatchEvent
	for _, a := range known {
		now, fresh, exists := s.accounts.Known(a.Name, nil)
		if !exists {
			continue
		}
		if fresh {
			a = now
		}
		s.last[a.Name] = a
		snapshot = append(snapshot, accountEvent(a))
	}
	return w, snapshot, nil
}

func (s *Desk) leave(w *watcher) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leaveLocked(w)
}

func (s *Desk) leaveLocked(w *watcher) {
	if _, ok := s.all[w]; !ok {
		return
	}
	close(w.news)
	delete(s.all, w)
	if len(s.all) == 0 {
		s.last = nil
	}
}

// Close ends all watches, for good.
func (s *Desk) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
	for w := range s.all {
		s.leaveLocked(w)
	}
}

func (s *Desk) sendLocked(name string, n item) {
	for w := range s.all {
		if w.account != "" && w.account != name {
			continue
		}
		select {
		case w.news <- n:
		default:
			w.slow = true
			s.leaveLocked(w)
		}
	}
}

// Changed reports the account of that name to everyone who watches, if it is not as it was reported last. It may be
// called too often, and never with a mutex held.
func (s *Desk) Changed(name string) { s.tell(name, nil) }

// ChangedAll is Changed for every account.
func (s *Desk) ChangedAll() {
	for _, name := range s.accounts.Names() {
		s.Changed(name)
	}
}

// tell is Changed with why nothing is known of the account; nil for no trouble.
func (s *Desk) tell(name string, storeErr error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.all) == 0 {
		return
	}
	before, told := s.last[name]
	now, known, exists := s.accounts.Known(name, storeErr)
	switch {
	case !exists:
		if told {
			delete(s.last, name)
			s.sendLocked(name, item{event: api.WatchEvent{Event: api.EventRemoved, Account: name}})
		}
		return
	case known:
	case told:
		return // what was said of the store holds until it has answered
	case storeErr == nil:
		s.sendLocked(name, item{lookUp: name})
		return
	}
	if told && same(before, now) {
		return
	}
	s.last[name] = now
	s.sendLocked(name, item{event: accountEvent(now)})
}

// same reports whether a and b say the same but for how long ago they say it.
func same(a, b api.Account) bool {
	for _, x := range []*api.Account{&a, &b} {
		if e := x.LastError; e != nil {
			x.LastError = &api.Error{Code: e.Code, Message: e.Message, Hint: e.Hint}
		}
	}
	return reflect.DeepEqual(a, b)
}

func accountEvent(a api.Account) api.WatchEvent {
	return api.WatchEvent{Event: api.EventAccount, Account: a.Name, Status: &a}
}

// Minted reports to everyone who watches that t is there, and nothing that would let them use it.
func (s *Desk) Minted(key token.Key, t account.Token) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sendLocked(key.Account, item{event: api.WatchEvent{
		Event:     api.EventToken,
		Account:   key.Account,
		Scope:     strings.Join(t.Scopes, " "),
		Audience:  key.Audience,
		Resource:  key.Resource,
		ExpiresAt: api.Moment(t.Expiry),
	}})
}
