package vault

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"oauthd/daemon/account"
)

const (
	firstRetry = time.Second
	lastRetry  = time.Minute
	// finalSave bounds the last attempt to save at shutdown.
	finalSave = 5 * time.Second
)

// errInUse means that somebody holds the lock of a record.
var errInUse = errors.New("it is in use")

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

// wakeRun has Run look at once for something to do.
func (v *Vault) wakeRun() {
	select {
	case v.wake <- struct{}{}:
	default:
	}
}

// Run saves what the store did not take, with back-off, and adds names to the records that lack them, until ctx ends.
// Then it tries once more to save each credential and returns an error that names those that are lost.
func (v *Vault) Run(ctx context.Context) error {
	delay := firstRetry
	for {
		if v.Saved() && len(v.namelessNames()) == 0 {
			delay = firstRetry
			select {
			case <-v.wake:
			case <-ctx.Done():
			}
		} else {
			select {
			case <-time.After(delay):
			case <-ctx.Done():
			}
			delay = min(2*delay, lastRetry)
		}
		if ctx.Err() != nil {
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), finalSave)
			defer cancel()
			return v.flush(last)
		}
		_ = v.flush(ctx) // the next round tries again, and Degraded reports it until then
		v.addNames(ctx)
	}
}

// flush tries to save every pending record once. A record whose lock is held is left for the next round: a provider
// that hangs must not stop the other records from being saved.
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

// saveUnsaved saves name's record, if it is still pending; the caller holds its lock.
func (v *Vault) saveUnsaved(ctx context.Context, name string) (settled bool, err error) {
	c, ok := v.unsaved(name)
	if !ok {
		return false, nil
	}
	if err := v.put(ctx, name, c); err != nil {
		return false, err
	}
	return true, nil
}
