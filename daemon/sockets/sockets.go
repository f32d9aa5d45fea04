// Package sockets keeps the restricted sockets: each serves the tokens of one account under limits of its own, for a
// container, a remote machine, a job or an agent. They are listed, end by themselves or on request, and are gone when the
// daemon stops; those that an account's file names are served again by the next one.
package sockets

import (
	"cmp"
	"context"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"sync"
	"time"

	"oauthd/daemon/account"
	"oauthd/daemon/book"
	"oauthd/daemon/words"
	"oauthd/ipc/api"

	"github.com/rs/zerolog"
)

// Config is what a Keeper is made of.
type Config struct {
	// Book has the accounts.
	Book *book.Book
	// UID is the user whose programs may connect to a socket that names no other.
	UID int
	// Note writes down what happened to the sockets of an account.
	Note func(ctx context.Context, account, detail string)
	// Open begins to serve a socket; stop ends that and removes it.
	Open func(s account.Socket) (stop func(), err error)
	Log  zerolog.Logger
	// Now is the wall clock.
	Now func() time.Time
}

// Keeper keeps restricted sockets. It is safe for concurrent use.
type Keeper struct {
	cfg Config

	mu     sync.Mutex // guards the fields below, and is held while a socket is opened
	open   map[string]*served
	closed bool
}

// served is a socket that is served.
type served struct {
	api.Socket
	as    account.Socket
	stop  func()
	timer *time.Timer // nil if it does not end by itself
}

// New makes a Keeper.
func New(cfg Config) *Keeper { return &Keeper{cfg: cfg, open: map[string]*served{}} }

// serve begins to serve s until end, or until the daemon stops if end is zero. kept is true if the account's file names it.
func (k *Keeper) serve(s account.Socket, end time.Time, kept bool) (api.Socket, error) {
	if !filepath.IsAbs(s.Name) {
		return api.Socket{}, words.SocketPath(s.Name)
	}
	s.Name = filepath.Clean(s.Name)
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closed {
		return api.Socket{}, words.Stopping()
	}
	if k.open[s.Name] != nil {
		return api.Socket{}, words.SocketTaken(s.Name)
	}
	stop, err := k.cfg.Open(s)
	if err != nil {
		return api.Socket{}, words.SocketNotOpened(s.Name, err)
	}
	now := k.cfg.Now()
	o := &served{stop: stop, as: s, Socket: api.Socket{
		Path: s.Name, Account: s.Account, Scopes: s.Scopes, Audiences: s.Audiences, Max: s.Max, Exe: s.Exe, UID: s.UID,
		CreatedAt: now.UTC().Truncate(time.Second), Kept: kept,
	}}
	if !end.IsZero() {
		o.ExpiresAt = new(end.UTC().Truncate(time.Second))
		o.timer = time.AfterFunc(end.Sub(now), func() { _, _ = k.end(o, "it has expired") })
	}
	k.open[s.Name] = o
	k.cfg.Log.Info().Str("socket", s.Name).Str("account", s.Account).Msg("restricted socket")
	return o.Socket, nil
}

// Take takes one of the tokens that a socket may hand out, and returns an error if it has handed out all, or if its time
// is over: its timer is late by as long as the machine slept.
func (k *Keeper) Take(path string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	o := k.open[path]
	switch {
	case o == nil, o.ExpiresAt != nil && !k.cfg.Now().Before(*o.ExpiresAt):
		return words.NoSocket(path)
	case o.Max > 0 && o.Given >= o.Max:
		return words.SocketSpent(path, o.Max)
	}
	o.Given++
	return nil
}

// Return gives a token back that was taken and not handed out.
func (k *Keeper) Return(path string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if o := k.open[path]; o != nil && o.Given > 0 {
		o.Given--
	}
}

// stop ends the socket at path.
func (k *Keeper) stop(path string) (api.Socket, error) {
	k.mu.Lock()
	o := k.open[filepath.Clean(path)]
	k.mu.Unlock()
	if o == nil {
		return api.Socket{}, words.NoSocket(path)
	}
	return k.end(o, "it was removed")
}

func (k *Keeper) end(o *served, why string) (api.Socket, error) {
	k.mu.Lock()
	if k.open[o.Path] != o {
		k.mu.Unlock()
		return api.Socket{}, words.NoSocket(o.Path)
	}
	delete(k.open, o.Path)
	s := o.Socket
	k.mu.Unlock()
	if o.timer != nil {
		o.timer.Stop()
	}
	o.stop()
	k.cfg.Log.Info().Str("socket", s.Path).Str("why", why).Msg("restricted socket ended")
	return s, nil
}

// List returns the sockets, by path.
func (k *Keeper) List() []api.Socket {
	k.mu.Lock()
	defer k.mu.Unlock()
	all := []api.Socket{}
	for _, o := range k.open {
		all = append(all, o.Socket)
	}
	slices.SortFunc(all, func(a, b api.Socket) int { return cmp.Compare(a.Path, b.Path) })
	return all
}

// Settle has the kept sockets be those that the accounts' files name now, as they name them, and ends the sockets of accounts
// that are not known any more.
func (k *Keeper) Settle() {
	files := k.cfg.Book.Config()
	k.settle(files.Sockets(), func(name string) bool { return files.Accounts[name] != nil })
}

func (k *Keeper) settle(kept []account.Socket, known func(account string) bool) {
	wanted := map[string]account.Socket{}
	for _, s := range kept {
		wanted[s.Name] = s
	}
	k.mu.Lock()
	open := slices.Collect(maps.Values(k.open))
	k.mu.Unlock()
	for _, o := range open {
		s, ok := wanted[o.Path]
		switch {
		case !known(o.Account), o.Kept && !reflect.DeepEqual(s, o.as):
			_, _ = k.end(o, "the files changed")
		case ok:
			delete(wanted, o.Path)
		}
	}
	for _, s := range wanted {
		if _, err := k.serve(s, time.Time{}, true); err != nil {
			k.cfg.Log.Warn().Err(err).Str("socket", s.Name).Msg("a kept socket is not served")
		}
	}
}

// Run waits until ctx ends, and ends every socket.
func (k *Keeper) Run(ctx context.Context) {
	<-ctx.Done()
	k.mu.Lock()
	k.closed = true
	k.mu.Unlock()
	for _, s := range k.List() {
		_, _ = k.stop(s.Path)
	}
}
