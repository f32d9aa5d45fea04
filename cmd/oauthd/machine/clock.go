// Package machine says what happens to a daemon from outside while it runs: the machine sleeps and wakes, its clock is set,
// and the daemon's socket is taken away.
package machine

import (
	"context"
	"time"
)

const (
	// clockPoll is how often the clocks are compared if nothing says that one was set.
	clockPoll = 30 * time.Second
	// clockSlack is how far apart they may drift, as they do while the wall clock is slewed.
	clockSlack = 2 * time.Second
)

// WatchClock calls jumped whenever the wall clock has been set or the machine has slept, until ctx ends.
func WatchClock(ctx context.Context, jumped func()) {
	watchClock(ctx, clockChanges(ctx), systemClocks(), jumped)
}

// watchClock calls jumped whenever the wall clock has been set or the machine has slept, until ctx ends: whenever wall
// time has gone another way than clocks' running time, which only ever runs, and only while the machine is awake. It
// looks when changes says so; a nil changes leaves it to polling.
func watchClock(ctx context.Context, changes <-chan struct{}, clocks func() (wall time.Time, running time.Duration), jumped func()) {
	var poll <-chan time.Time
	if changes == nil {
		ticker := time.NewTicker(clockPoll)
		defer ticker.Stop()
		poll = ticker.C
	}
	lastWall, lastRunning := clocks()
	for {
		select {
		case <-changes:
		case <-poll:
		case <-ctx.Done():
			return
		}
		wall, running := clocks()
		if apart := wall.Sub(lastWall) - (running - lastRunning); apart.Abs() > clockSlack {
			jumped()
		}
		lastWall, lastRunning = wall, running
	}
}

// systemClocks returns the clocks of this machine.
func systemClocks() func() (time.Time, time.Duration) {
	began := time.Now()
	return func() (time.Time, time.Duration) {
		now := time.Now()
		return now.Round(0), now.Sub(began)
	}
}
