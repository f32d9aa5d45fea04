package daemon

import (
	"context"
	"sync"
	"sync/atomic"

	"oauthd/ipc/api"
)

// openable is a store that a person opens and closes.
type openable interface {
	// Open opens the store, or checks the passphrase of one that is open.
	Open(ctx context.Context, passphrase string) error
	Close()
	Closed() bool
	// Needs tells what Open needs, in the words of [api.Store].
	Needs() string
}

// gate keeps credentials from being used while oauthd is locked, and the store open until those in use are saved.
type gate struct {
	shut atomic.Bool // written with mu held

	mu      sync.Mutex // guards the fields below
	inside  int        // what uses a credential now
	opening int        // unlocks under way
}

// enter lets one in that uses a credential, unless oauthd is locked; leave must be called when it has been saved.
func (d *Daemon) enter() (leave func(), err error) {
	g := &d.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut.Load() {
		return nil, d.lockedProblem()
	}
	g.inside++
	return func() {
		g.mu.Lock()
		g.inside--
		g.mu.Unlock()
		d.closeStore()
	}, nil
}

// locked returns why nothing is given out now; nil when oauthd is not locked.
func (d *Daemon) locked() error {
	if !d.gate.shut.Load() {
		return nil
	}
	return d.lockedProblem()
}

// closeStore closes the store of a locked oauthd, unless a credential is in use or not saved yet: closed, the store
// could not take it any more. It is called whenever one of these may have ended.
func (d *Daemon) closeStore() {
	store, ok := d.cfg.Store.(openable)
	if !ok {
		return
	}
	g := &d.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut.Load() && g.inside == 0 && g.opening == 0 && d.vault.Saved() {
		store.Close()
	}
}

// Lock makes every request for a token fail until Unlock: it forgets the tokens, ends the logins that wait for a person,
// and closes a store that can be closed, as soon as every refresh under way has been saved.
func (d *Daemon) Lock(ctx context.Context) error {
	d.gate.mu.Lock()
	before := d.gate.shut.Swap(true)
	d.gate.mu.Unlock()
	d.logins.endAll(d.lockedProblem())
	d.dropAll()
	d.closeStore()
	if !before {
		who(ctx, d.log.Info()).Msg("locked")
	}
	d.changedAll()
	return nil
}

// Unlock ends what Lock, or a store that was closed at the start, has begun. A wrong passphrase leaves everything as it
// is; one that is right for a store that is open changes nothing either.
func (d *Daemon) Unlock(ctx context.Context, passphrase api.Confidential) error {
	g := &d.gate
	if store, ok := d.cfg.Store.(openable); ok && (g.shut.Load() || passphrase != "") {
		g.mu.Lock()
		g.opening++
		g.mu.Unlock()
		err := store.Open(ctx, string(passphrase))
		g.mu.Lock()
		g.opening--
		g.mu.Unlock()
		if err != nil {
			d.closeStore()
			detail(who(ctx, d.log.Warn()), err).Msg("unlock")
			return d.storeProblem(err)
		}
	}
	g.mu.Lock()
	before := g.shut.Swap(false)
	g.mu.Unlock()
	if before {
		d.dropAll() // what failed because of the lock
		who(ctx, d.log.Info()).Msg("unlocked")
		d.changedAll()
	}
	return nil
}

func (d *Daemon) dropAll() {
	d.mu.Lock()
	names := make([]string, 0, len(d.config.Accounts))
	for name := range d.config.Accounts {
		names = append(names, name)
	}
	d.mu.Unlock()
	for _, name := range names {
		d.tokens.Drop(name)
	}
}

// needs tells what unlock asks a person for.
func (d *Daemon) needs() string {
	if store, ok := d.cfg.Store.(openable); ok {
		return store.Needs()
	}
	return ""
}
