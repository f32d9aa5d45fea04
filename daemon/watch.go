package daemon

import (
	"context"
	"iter"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"oauthd/daemon/account"
	"oauthd/daemon/token"
	"oauthd/ipc/api"
)

const (
	// newsRoom is how far one who watches may lag behind, in events; each account watched adds newsPerAccount, because
	// one cause may change them all.
	newsRoom       = 256
	newsPerAccount = 4
	// watchPause is how often a watch looks whether time alone has changed something: a token that ended.
	watchPause = 30 * time.Second
)

var (
	errTooSlow = &api.Error{Code: api.Busy, Message: "the events were not read in time, so the watch has ended",
		Hint: "watch again; the snapshot at its start tells how everything is"}
	errNoMoreNews = &api.Error{Code: api.Busy, Message: "the daemon is stopping", Hint: "try again", RetryAfter: 1}
)

// watchers are those who are told what changes. Nothing is worked out while there are none.
type watchers struct {
	mu   sync.Mutex // guards the fields below
	all  map[*watcher]struct{}
	last map[string]api.Account // as last told
	over bool
}

// watcher is one who watches. Nobody waits for it: when its news are full it is dropped.
type watcher struct {
	account string // "" for all
	news    chan news
	// slow tells, once news is closed, whether it was dropped.
	slow bool
}

// news is an event, or the name of an account of which nothing is known before the store is asked.
type news struct {
	event  api.WatchEvent
	lookUp string
}

// Watch tells how name is, or every account for "", and then whatever changes, until ctx ends, the daemon stops, or the
// events are not taken in time, which is the sequence's error. Its events are those of [api.WatchEvent], without time
// order between accounts in the snapshot but with it from then on.
func (d *Daemon) Watch(ctx context.Context, name string) (iter.Seq2[api.WatchEvent, error], error) {
	var known []api.Account
	if name == "" {
		all, err := d.Accounts(ctx)
		if err != nil {
			return nil, err
		}
		known = all
	} else {
		a, err := d.Account(ctx, name)
		if err != nil {
			return nil, err
		}
		known = []api.Account{a}
	}
	w, snapshot, err := d.join(name, known)
	if err != nil {
		return nil, err
	}
	// Also for the caller who never ranges over the sequence.
	context.AfterFunc(ctx, func() { d.watchers.leave(w) })
	return func(yield func(api.WatchEvent, error) bool) {
		defer d.watchers.leave(w)
		for _, e := range snapshot {
			if !yield(e, nil) {
				return
			}
		}
		d.follow(ctx, w, yield)
	}, nil
}

// follow hands on the news of w.
func (d *Daemon) follow(ctx context.Context, w *watcher, yield func(api.WatchEvent, error) bool) {
	tick := time.NewTicker(watchPause)
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
				_, err := d.facts(ctx, n.lookUp)
				d.tell(n.lookUp, err)
			case !yield(n.event, nil):
				return
			}
		case <-tick.C:
			d.changedAll()
		case <-ctx.Done():
			return
		}
	}
}

// join takes in one more and returns how everything is at that moment. known is how accounts were just before, with
// the store's own trouble in it.
func (d *Daemon) join(name string, known []api.Account) (*watcher, []api.WatchEvent, error) {
	w := &watcher{account: name, news: make(chan news, newsRoom+newsPerAccount*len(known))}
	s := &d.watchers
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
		c, ok := d.configured(a.Name)
		if !ok {
			continue
		}
		if f, ok := d.knownFacts(a.Name); ok {
			a = d.describe(c, f, nil)
		}
		s.last[a.Name] = a
		snapshot = append(snapshot, accountEvent(a))
	}
	return w, snapshot, nil
}

func (s *watchers) leave(w *watcher) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leaveLocked(w)
}

func (s *watchers) leaveLocked(w *watcher) {
	if _, ok := s.all[w]; !ok {
		return
	}
	close(w.news)
	delete(s.all, w)
	if len(s.all) == 0 {
		s.last = nil
	}
}

// close ends all watches, for good.
func (s *watchers) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
	for w := range s.all {
		s.leaveLocked(w)
	}
}

func (s *watchers) sendLocked(name string, n news) {
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

// changed tells those who watch how the account name is now, where that is not as they were told last. It may be called
// too often, and never with a mutex held.
func (d *Daemon) changed(name string) { d.tell(name, nil) }

// changedAll is changed for every account.
func (d *Daemon) changedAll() {
	d.mu.Lock()
	names := slices.Collect(maps.Keys(d.config.Accounts))
	d.mu.Unlock()
	for _, name := range names {
		d.changed(name)
	}
}

// tell is changed where storeErr is why nothing is known of the account; nil for no trouble.
func (d *Daemon) tell(name string, storeErr error) {
	s := &d.watchers
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.all) == 0 {
		return
	}
	before, told := s.last[name]
	a, ok := d.configured(name)
	if !ok {
		if told {
			delete(s.last, name)
			s.sendLocked(name, news{event: api.WatchEvent{Event: api.EventRemoved, Account: name}})
		}
		return
	}
	f, known := d.knownFacts(name)
	switch {
	case known:
		storeErr = nil
	case told:
		return // what was said of the store holds until it has answered
	case storeErr == nil:
		s.sendLocked(name, news{lookUp: name})
		return
	}
	now := d.describe(a, f, storeErr)
	if told && same(before, now) {
		return
	}
	s.last[name] = now
	s.sendLocked(name, news{event: accountEvent(now)})
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

// refreshed is told by the cache that a request to the provider has begun, or has ended, with a token or without.
func (d *Daemon) refreshed(key token.Key, minted *account.Token) {
	if minted != nil {
		d.newToken(key, *minted)
	}
	d.changed(key.Account)
}

// newToken tells those who watch that t is at hand, and nothing that would let them use it.
func (d *Daemon) newToken(key token.Key, t account.Token) {
	s := &d.watchers
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sendLocked(key.Account, news{event: api.WatchEvent{
		Event:     api.EventToken,
		Account:   key.Account,
		Scope:     strings.Join(t.Scopes, " "),
		Audience:  key.Audience,
		Resource:  key.Resource,
		ExpiresAt: moment(t.Expiry),
	}})
}

// settled is told by the vault that a credential which was in memory only is in the store.
func (d *Daemon) settled(name string) {
	d.log.Info().Str("account", name).Bool("degraded", false).Msg("state")
	d.changed(name)
}
