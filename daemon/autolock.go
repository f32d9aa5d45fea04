package daemon

import (
	"context"
	"sync/atomic"
	"time"
)

// This file locks by itself: when the person's screen is locked or their last session ends, before a suspend, and when no
// token was asked for in a while, as [lock] in config.toml says.

const (
	// autoLockTimeout bounds what a lock waits for, such as the disk of token files.
	autoLockTimeout = 5 * time.Second
	// idleLook is how long the wait for idleness looks away at most: the wall clock may be set.
	idleLook = time.Minute
)

// ScreenLocked says that the person's screen was locked.
func (d *Daemon) ScreenLocked() {
	if d.book.Locking().OnScreenLock {
		d.autoLock("the screen was locked")
	}
}

// Suspending says that the machine is about to be suspended, which waits until it returns if [Daemon.LocksOnSuspend].
func (d *Daemon) Suspending() {
	if d.LocksOnSuspend() {
		d.autoLock("the machine is suspended")
	}
}

// LocksOnSuspend reports whether a suspend locks.
func (d *Daemon) LocksOnSuspend() bool { return d.book.Locking().OnSuspend }

// LocksOnSessions reports whether anything locks that happens to sessions or to the machine.
func (d *Daemon) LocksOnSessions() bool { return d.book.Locking().OnSessions() }

// SessionsEnded says that the last session of the person has ended.
func (d *Daemon) SessionsEnded() {
	if d.book.Locking().OnSessionEnd {
		d.autoLock("the last session has ended")
	}
}

// autoLock locks, unless d is locked.
func (d *Daemon) autoLock(why string) {
	if d.vault.Gate().Locked() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), autoLockTimeout)
	defer cancel()
	d.lock(ctx, why)
}

// lockIdle locks when no token was asked for in as long as the configuration says, until ctx ends.
func (d *Daemon) lockIdle(ctx context.Context) {
	for {
		var due <-chan time.Time // never, unless it may lock
		if limit := d.book.Locking().Idle; limit > 0 && !d.vault.Gate().Locked() {
			left := d.idle.left(d.now(), limit)
			if left <= 0 {
				d.autoLock("no token was asked for in " + limit.String())
				continue
			}
			due = time.After(min(left, idleLook))
		}
		select {
		case <-due:
		case <-d.idle.changed:
		case <-ctx.Done():
			return
		}
	}
}

// idleness is since when no token was asked for, by the wall clock, because a suspended machine is idle too.
type idleness struct {
	since   atomic.Int64  // in nanoseconds since 1970
	changed chan struct{} // holds one element when something other than a request has changed
}

func newIdleness(now time.Time) *idleness {
	i := &idleness{changed: make(chan struct{}, 1)}
	i.used(now)
	return i
}

// used says that a token was asked for, or that idleness begins anew.
func (i *idleness) used(now time.Time) { i.since.Store(now.UnixNano()) }

// left returns how much of limit is left. A clock that was set back begins it anew.
func (i *idleness) left(now time.Time, limit time.Duration) time.Duration {
	since := i.since.Load()
	left := limit - time.Duration(now.UnixNano()-since)
	if left > limit {
		i.since.CompareAndSwap(since, now.UnixNano())
		return limit
	}
	return left
}

// look has the wait for idleness look again.
func (i *idleness) look() {
	select {
	case i.changed <- struct{}{}:
	default:
	}
}
