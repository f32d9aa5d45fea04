package vault

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"oauthd/keystore"
)

// ErrShut means that the gate is shut: credentials may not be used until a person opens it.
var ErrShut = errors.New("the gate is shut")

// ErrRetired means that the store is being given up for another one, and the process will use that from its next start.
var ErrRetired = errors.New("the gate is retired")

// ShutError is the [ErrShut] of a store that was to be open from the start.
type ShutError struct {
	// Reason is why it is not.
	Reason error
}

// Error names the reason.
func (e *ShutError) Error() string { return ErrShut.Error() + ": " + e.Reason.Error() }

// Is reports whether target is [ErrShut].
func (e *ShutError) Is(target error) bool { return target == ErrShut }

// Openable is a store that a person opens and closes, such as [keystore.File]. Close and Closed return at once.
type Openable interface {
	// Open opens the store, or checks the passphrase of a store that is open.
	Open(ctx context.Context, passphrase string) error
	Close()
	Closed() bool
	// Needs returns what Open needs, in the words of [keystore.File.Needs].
	Needs() string
}

var _ Openable = (*keystore.File)(nil)

// Gate locks a vault's store. While it is shut, nothing new may use a credential, and the store is closed as soon as
// everything that was using one has left and every credential is saved: a closed store could not take it any more.
// A store that cannot be closed stays as it is, and only the gate is shut. A Gate is safe for concurrent use; [New]
// makes one that is shut if the store is closed.
type Gate struct {
	store Openable    // nil if the store cannot be closed
	saved func() bool // whether the store has every newest credential

	shut atomic.Bool // written with mu held

	// mu guards the fields below. It is held while Vault.mu is taken, never the other way round.
	mu      sync.Mutex
	why     error // what callers get while g is shut
	retired bool
	inside  int // what uses a credential now
	opening int // calls of Open under way

	tries tries
}

func newGate(store keystore.Store, saved func() bool) *Gate {
	g := &Gate{saved: saved, why: ErrShut, tries: newTries()}
	if openable, ok := store.(Openable); ok {
		g.store = openable
		g.shut.Store(openable.Closed())
	}
	return g
}

// Enter is called before a credential is used, and leave once it is saved; it fails with [ErrShut] while g is shut, and
// with [ErrRetired] while it is retired.
func (g *Gate) Enter() (leave func(), err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.retired {
		return nil, ErrRetired
	}
	if g.shut.Load() {
		return nil, g.why
	}
	g.inside++
	return g.leave, nil
}

func (g *Gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inside--
	g.closeIdleLocked()
}

// Retire lets nothing enter any more, so that nothing new can come into the store; undo takes that back. It is refused
// while something uses a credential, or a credential is not saved yet.
func (g *Gate) Retire() (undo func(), ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.retired || g.inside > 0 || !g.saved() {
		return nil, false
	}
	g.retired = true
	return func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.retired = false
	}, true
}

// Locked reports whether g is shut.
func (g *Gate) Locked() bool { return g.shut.Load() }

// Err is nil if g is open, else [ErrShut].
func (g *Gate) Err() error {
	if !g.Locked() {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.why
}

// NotOpened says why the store, which was to be open from the start, is not; callers are told until it is open.
func (g *Gate) NotOpened(reason error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.why = &ShutError{reason}
}

// Needs returns what [Gate.Open] has to ask a person for; "" if nothing.
func (g *Gate) Needs() string {
	if g.store == nil {
		return ""
	}
	return g.store.Needs()
}

// Shut shuts g; changed is false if it was shut already.
func (g *Gate) Shut() (changed bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	changed = !g.shut.Swap(true)
	g.closeIdleLocked()
	return changed
}

// Open opens the store, then g; changed is false if g was open already, and then a passphrase is only checked. An error
// is the store's, or a [*TooManyTries], and g stays as it was.
func (g *Gate) Open(ctx context.Context, passphrase string) (changed bool, err error) {
	if g.store != nil && (g.shut.Load() || passphrase != "") {
		g.mu.Lock()
		g.opening++
		g.mu.Unlock()
		err = g.tries.take(ctx, func() error { return g.store.Open(ctx, passphrase) })
		g.mu.Lock()
		g.opening--
	} else {
		g.mu.Lock()
	}
	defer g.mu.Unlock()
	if err != nil {
		g.closeIdleLocked()
		return false, err
	}
	g.why = ErrShut
	return g.shut.Swap(false), nil
}

// closeIdle closes the store if g is shut and nothing needs the store any more.
func (g *Gate) closeIdle() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closeIdleLocked()
}

func (g *Gate) closeIdleLocked() {
	if g.store != nil && g.shut.Load() && g.inside == 0 && g.opening == 0 && g.saved() {
		g.store.Close()
	}
}
