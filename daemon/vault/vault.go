// Package vault keeps credentials as versioned records over a [keystore.Store], by the rules of refresh token
// rotation: a rotated credential is saved before anybody is served, and is never dropped, even when the store fails.
package vault

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"oauthd/daemon/account"
	"oauthd/keystore"
)

// ErrNoCredential means that nothing is kept under that name.
var ErrNoCredential = errors.New("no credential")

// ErrUnreadable means that what is kept under that name is not a record of this version. It is left as it is.
var ErrUnreadable = errors.New("unreadable record")

// errInUse means that somebody holds the lock of a record.
var errInUse = errors.New("it is in use")

// probeName cannot be an account's name, which starts with a letter or digit.
const probeName = ".probe"

const (
	firstRetry = time.Second
	lastRetry  = time.Minute
	// finalSave bounds the last attempt to save at shutdown.
	finalSave = 5 * time.Second
)

// Vault keeps credentials by account name. It is safe for concurrent use; who reads a record in order to write it
// back holds the record's lock, see [Vault.Lock].
type Vault struct {
	// Settled, where it is set before Run, is called by Run after the store has taken a credential that it did not
	// take at first.
	Settled func(name string)

	store keystore.Store
	gate  *Gate
	wake  chan struct{}

	// mu guards the fields below. It is never held while a record's lock or the gate's mutex is taken.
	mu      sync.Mutex
	pending map[string]account.Credential
	locks   map[string]chan struct{}
}

// New returns a Vault over store.
func New(store keystore.Store) *Vault {
	v := &Vault{
		store:   store,
		wake:    make(chan struct{}, 1),
		pending: map[string]account.Credential{},
		locks:   map[string]chan struct{}{},
	}
	v.gate = newGate(store, v.Saved)
	return v
}

// Gate returns what locks the store. The vault itself does not ask it: whoever uses a credential enters first.
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

// Load returns the credential kept under name, or [ErrNoCredential]. A credential that the store has not taken yet is
// returned from memory.
func (v *Vault) Load(ctx context.Context, name string) (account.Credential, error) {
	if c, ok := v.unsaved(name); ok {
		return c, nil
	}
	data, err := v.store.Get(ctx, name)
	if errors.Is(err, keystore.ErrNotFound) {
		return account.Credential{}, ErrNoCredential
	}
	if errors.Is(err, keystore.ErrDamaged) {
		err = fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	if err != nil {
		return account.Credential{}, fmt.Errorf("vault: read %q: %w", name, err)
	}
	c, err := decode(data)
	if err != nil {
		return account.Credential{}, fmt.Errorf("vault: read %q: %w", name, err)
	}
	return c, nil
}

// Save stores c under name with the next generation. When it fails the store has what it had before.
func (v *Vault) Save(ctx context.Context, name string, c account.Credential) error {
	c.Generation++
	if err := v.put(ctx, name, c); err != nil {
		return err
	}
	v.settle(name)
	return nil
}

// Rotate stores c, which the provider has already made the only valid one, under name with the next generation. When
// the store fails, c is kept in memory, [Vault.Load] returns it, [Vault.Run] goes on trying, and the error is only for
// the log.
func (v *Vault) Rotate(ctx context.Context, name string, c account.Credential) error {
	c.Generation++
	err := v.put(ctx, name, c)
	if err == nil {
		v.settle(name)
		return nil
	}
	v.mu.Lock()
	v.pending[name] = c
	v.mu.Unlock()
	select {
	case v.wake <- struct{}{}:
	default:
	}
	return err
}

// Delete forgets name, in memory and in the store.
func (v *Vault) Delete(ctx context.Context, name string) error {
	if err := v.store.Delete(ctx, name); err != nil && !errors.Is(err, keystore.ErrNotFound) {
		return fmt.Errorf("vault: delete %q: %w", name, err)
	}
	v.settle(name)
	return nil
}

// Probe tells whether the store takes and gives a record now.
func (v *Vault) Probe(ctx context.Context) error {
	if err := v.store.Put(ctx, probeName, []byte("probe")); err != nil {
		return fmt.Errorf("vault: probe: %w", err)
	}
	if err := v.store.Delete(ctx, probeName); err != nil {
		return fmt.Errorf("vault: probe: %w", err)
	}
	return nil
}

// Check tells whether the store answers, without writing.
func (v *Vault) Check(ctx context.Context) error {
	if _, err := v.store.Get(ctx, probeName); err != nil && !errors.Is(err, keystore.ErrNotFound) {
		return fmt.Errorf("vault: check: %w", err)
	}
	return nil
}

// Degraded reports whether the newest credential of name is in memory only.
func (v *Vault) Degraded(name string) bool {
	_, ok := v.unsaved(name)
	return ok
}

// Saved reports whether the store has every newest credential.
func (v *Vault) Saved() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.pending) == 0
}

// Run saves what the store did not take, with back-off, until ctx ends; then it tries each once more and returns an
// error that names what is lost.
func (v *Vault) Run(ctx context.Context) error {
	delay := firstRetry
	for {
		names := v.unsavedNames()
		if len(names) == 0 {
			delay = firstRetry
			select {
			case <-v.wake:
			case <-ctx.Done():
			}
		} else {
			timer := time.NewTimer(delay)
			select {
			case <-timer.C:
			case <-ctx.Done():
				timer.Stop()
			}
			delay = min(2*delay, lastRetry)
		}
		if ctx.Err() != nil {
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), finalSave)
			defer cancel()
			return v.flush(last)
		}
		_ = v.flush(ctx) // the next round tries again, and Degraded tells meanwhile
	}
}

// flush tries to save every pending record once. One that is locked is left to who has it, and to the next round: a
// provider that hangs must not keep the others from being saved.
func (v *Vault) flush(ctx context.Context) error {
	var errs []error
	for _, name := range v.unsavedNames() {
		lock := v.lockOf(name)
		select {
		case lock <- struct{}{}:
		default:
			errs = append(errs, fmt.Errorf("vault: save %q: %w", name, errInUse))
			continue
		}
		settled, err := v.saveUnsaved(ctx, name)
		<-lock
		errs = append(errs, err)
		if settled && v.Settled != nil {
			v.Settled(name)
		}
	}
	return errors.Join(errs...)
}

// saveUnsaved saves name's record, where it is still pending; the caller holds its lock.
func (v *Vault) saveUnsaved(ctx context.Context, name string) (settled bool, err error) {
	c, ok := v.unsaved(name)
	if !ok {
		return false, nil
	}
	if err := v.put(ctx, name, c); err != nil {
		return false, err
	}
	v.settle(name)
	return true, nil
}

func (v *Vault) put(ctx context.Context, name string, c account.Credential) error {
	data, err := encode(c)
	if err != nil {
		return fmt.Errorf("vault: save %q: %w", name, err)
	}
	if err := v.store.Put(ctx, name, data); err != nil {
		return fmt.Errorf("vault: save %q: %w", name, err)
	}
	return nil
}

func (v *Vault) unsaved(name string) (account.Credential, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	c, ok := v.pending[name]
	return c, ok
}

func (v *Vault) unsavedNames() []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Sorted(maps.Keys(v.pending))
}

// settle notes that the store has what is newest of name, which a shut gate may have waited for.
func (v *Vault) settle(name string) {
	v.mu.Lock()
	delete(v.pending, name)
	v.mu.Unlock()
	v.gate.closeIdle()
}
