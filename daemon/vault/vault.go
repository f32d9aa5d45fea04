// Package vault stores credentials, and the clients that issuers registered, as versioned records in a
// [keystore.Store].
//
// It follows the rules of refresh token rotation: a rotated credential is saved before anybody is served, and it is
// never dropped, even if the store fails ([Vault.Rotate], [Vault.Run]). A record names the account it belongs to and
// counts its saves, so that a record that somebody moved to another name, or put back in place of a newer one, is
// reported as damaged and is never used. A [Gate] locks the store while oauthd is locked.
//
// What is in a record is in no error and no log.
package vault

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"oauthd/daemon/account"
	"oauthd/keystore"
)

// What Load may answer besides the store's own errors; match with [errors.Is].
var (
	// ErrNoCredential means that nothing is stored under the name.
	ErrNoCredential = errors.New("no credential")
	// ErrUnreadable means that what is stored under the name cannot be used as its credential. It is left as it is.
	ErrUnreadable = errors.New("unreadable record")
	// ErrMisplaced is an ErrUnreadable: the record belongs to another name.
	ErrMisplaced = fmt.Errorf("%w: it belongs to another account", ErrUnreadable)
	// ErrOutdated is an ErrUnreadable: the record is older than one that this Vault has read or saved, so somebody has
	// put it back. A refresh token in it may be spent, and a provider may take its use for a theft. A Vault remembers
	// this only while it lives: it cannot tell what was put back before.
	ErrOutdated = fmt.Errorf("%w: an older record was put back in its place", ErrUnreadable)
)

// probeName cannot be an account's name, which starts with a letter or digit.
const probeName = ".probe"

// Vault stores credentials by account name. It is safe for concurrent use; anyone who reads a record in order to write
// it back holds the record's lock, see [Vault.Lock].
//
// Locks are taken in this order: a record's lock, the gate's mutex, Vault.mu. Only the first is held during I/O.
type Vault struct {
	// Settled, if it is set before Run, is called by Run after the store has taken a credential that it did not take
	// at first.
	Settled func(name string)

	store keystore.Store
	gate  *Gate
	wake  chan struct{} // holds one element when Run has something to do

	mu       sync.Mutex // guards the fields below
	pending  map[string]account.Credential
	locks    map[string]chan struct{}
	nameless map[string]bool // records read that do not say whose they are
	seen     map[string]stamp
	changes  uint64 // of seen, by this Vault's own writes
}

// New returns a Vault over store.
func New(store keystore.Store) *Vault {
	v := &Vault{
		store:    store,
		wake:     make(chan struct{}, 1),
		pending:  map[string]account.Credential{},
		locks:    map[string]chan struct{}{},
		nameless: map[string]bool{},
		seen:     map[string]stamp{},
	}
	v.gate = newGate(store, v.Saved)
	return v
}

// Gate returns what locks the store. The vault itself does not ask it: anyone who uses a credential enters first.
func (v *Vault) Gate() *Gate { return v.gate }

// Lock gives exclusive use of the record name until unlock is called. It fails when ctx ends first.
func (v *Vault) Lock(ctx context.Context, name string) (unlock func(), err error) {
	lock := v.lockOf(name)
	select {
	case lock <- struct{}{}:
		return func() { <-lock }, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("vault: wait for %q: %w", name, ctx.Err())
	}
}

// lockOf returns what holds one element while the record name is locked.
func (v *Vault) lockOf(name string) chan struct{} {
	v.mu.Lock()
	defer v.mu.Unlock()
	lock, ok := v.locks[name]
	if !ok {
		lock = make(chan struct{}, 1)
		v.locks[name] = lock
	}
	return lock
}

// Load returns the credential stored under name. A credential that the store has not taken yet is returned from memory.
// One that the provider has refused for good is returned like any other, see [account.Credential.Dead].
func (v *Vault) Load(ctx context.Context, name string) (account.Credential, error) {
	c, err := v.load(ctx, name)
	if err != nil {
		return account.Credential{}, fmt.Errorf("vault: read %q: %w", name, err)
	}
	return c, nil
}

func (v *Vault) load(ctx context.Context, name string) (account.Credential, error) {
	for {
		if c, ok := v.unsaved(name); ok {
			return c, nil
		}
		last, changes := v.lastSeen(name)
		c, named, err := v.read(ctx, name)
		if err != nil {
			return account.Credential{}, err
		}
		if !stampOf(c).before(last) {
			v.note(name, stampOf(c), changes)
			if !named {
				v.wantName(name)
			}
			return c, nil
		}
		if _, now := v.lastSeen(name); now == changes {
			return account.Credential{}, ErrOutdated
		}
		// A record was written here while this one was read: what was known of it no longer counts.
	}
}

// read returns what the store has under name.
func (v *Vault) read(ctx context.Context, name string) (c account.Credential, named bool, err error) {
	data, err := v.store.Get(ctx, name)
	switch {
	case errors.Is(err, keystore.ErrNotFound):
		return c, false, ErrNoCredential
	case errors.Is(err, keystore.ErrDamaged):
		return c, false, fmt.Errorf("%w: %w", ErrUnreadable, err)
	case err != nil:
		return c, false, err
	}
	defer clear(data)
	return decode(name, data)
}

// Save stores c under name with the next generation. If it fails, the store has what it had before.
func (v *Vault) Save(ctx context.Context, name string, c account.Credential) error {
	c.Generation++
	return v.put(ctx, name, c)
}

// Rotate stores c, which the provider has already made the only valid one, under name with the next generation. If the
// store fails, c is kept in memory, [Vault.Load] returns it, [Vault.Run] goes on trying, and the error is only for the
// log.
func (v *Vault) Rotate(ctx context.Context, name string, c account.Credential) error {
	c.Generation++
	err := v.put(ctx, name, c)
	if err != nil {
		v.mu.Lock()
		v.pending[name] = c
		v.mu.Unlock()
		v.wakeRun()
	}
	return err
}

// put stores c under name, which settles what was pending.
func (v *Vault) put(ctx context.Context, name string, c account.Credential) error {
	data, err := encode(name, c)
	if err != nil {
		return fmt.Errorf("vault: save %q: %w", name, err)
	}
	defer clear(data)
	err = v.change(name, stampOf(c), func() error { return v.store.Put(ctx, name, data) })
	if err != nil {
		return fmt.Errorf("vault: save %q: %w", name, err)
	}
	return nil
}

// Delete forgets name, in memory and in the store.
func (v *Vault) Delete(ctx context.Context, name string) error {
	err := v.change(name, stamp{}, func() error {
		if err := v.store.Delete(ctx, name); !errors.Is(err, keystore.ErrNotFound) {
			return err
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("vault: delete %q: %w", name, err)
	}
	return nil
}

// Probe reports whether the store takes a record now and deletes it again.
func (v *Vault) Probe(ctx context.Context) error {
	if err := v.store.Put(ctx, probeName, []byte("probe")); err != nil {
		return fmt.Errorf("vault: probe: %w", err)
	}
	if err := v.store.Delete(ctx, probeName); err != nil {
		return fmt.Errorf("vault: probe: %w", err)
	}
	return nil
}

// Check reports whether the store answers, without writing.
func (v *Vault) Check(ctx context.Context) error {
	if _, err := v.store.Get(ctx, probeName); err != nil && !errors.Is(err, keystore.ErrNotFound) {
		return fmt.Errorf("vault: check: %w", err)
	}
	return nil
}
