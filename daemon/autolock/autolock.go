// Package autolock locks the daemon by itself: when the person's screen is locked or their last session ends, before a
// suspend, and when no token was asked for in a while, as [lock] in config.toml says.
package autolock

import (
	"context"
	"sync/atomic"
	"time"

	"oauthd/daemon/config"
)

const (
	// patience bounds what a lock waits for, such as the disk of token files.
	patience = 5 * time.Second
	// lookAway is how long the wait for idleness looks away at most: the wall clock may be set.
	lookAway = time.Minute
)

// Config is what a Locker is made of.
type Config struct {
	// Settings returns what the configuration says now.
	Settings func() config.Locking
	// Locked reports whether it is locked, and Lock locks, because of why.
	Locked func() bool
	Lock   func(ctx context.Context, why string)
	// Now is the wall clock, because a suspended machine is idle too.
	Now func() time.Time
}

// Locker locks by itself. It is safe for concurrent use.
type Locker struct {
	cfg     Config
	since   atomic.Int64  // when a token was last asked for, in nanoseconds since 1970
	changed chan struct{} // holds one element when something other than a request has changed
}

// New makes a Locker.
func New(cfg Config) *Locker {
	l := &Locker{cfg: cfg, changed: make(chan struct{}, 1)}
	l.Used()
	return l
}

// ScreenLocked says that the person's screen was locked.
func (l *Locker) ScreenLocked() {
	if l.cfg.Settings().OnScreenLock {
		l.lock("the screen was locked")
	}
}

// Suspending says that the machine is about to be suspended, which waits until it returns.
func (l *Locker) Suspending() {
	if l.cfg.Settings().OnSuspend {
		l.lock("the machine is suspended")
	}
}

// SessionsEnded says that the last session of the person has ended.
func (l *Locker) SessionsEnded() {
	if l.cfg.Settings().OnSessionEnd {
		l.lock("the last session has ended")
	}
}

// Used says that a token was asked for, or that idleness begins anew.
func (l *Locker) Used() { l.since.Store(l.cfg.Now().UnixNano()) }

// lock locks, unless it is locked already.
func (l *Locker) lock(why string) {
	if l.cfg.Locked() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	l.cfg.Lock(ctx, why)
}

// Run locks when no token was asked for in as long as the configuration says, until ctx ends.
func (l *Locker) Run(ctx context.Context) {
	for {
		var due <-chan time.Time // never, unless it may lock
		if limit := l.cfg.Settings().Idle; limit > 0 && !l.cfg.Locked() {
			left := l.left(l.cfg.Now(), limit)
			if left <= 0 {
				l.lock("no token was asked for in " + limit.String())
				continue
			}
			due = time.After(min(left, lookAway))
		}
		select {
		case <-due:
		case <-l.changed:
		case <-ctx.Done():
			return
		}
	}
}

// left returns how much of limit is left. A clock that was set back begins it anew.
func (l *Locker) left(now time.Time, limit time.Duration) time.Duration {
	since := l.since.Load()
	left := limit - time.Duration(now.UnixNano()-since)
	if left > limit {
		l.since.CompareAndSwap(since, now.UnixNano())
		return limit
	}
	return left
}

// Look has the wait for idleness look again: something other than a request has changed.
func (l *Locker) Look() {
	select {
	case l.changed <- struct{}{}:
	default:
	}
}
