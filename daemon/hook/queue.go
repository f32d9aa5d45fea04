package hook

import (
	"context"
	"slices"
	"sync"

	"github.com/rs/zerolog"
)

// most is how many commands may wait for their turn.
const most = 64

// Queue runs one command at a time. It is safe for concurrent use.
type Queue struct {
	Runner Runner
	Log    zerolog.Logger

	mu      sync.Mutex // guards the fields below
	waiting []Command
	wake    chan struct{} // nil unless Run waits
}

// Add has c run as soon as those before it have ended. It never blocks: if too many wait, the oldest is left out, which
// the log shows.
func (q *Queue) Add(c Command) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == most {
		q.Log.Warn().Str("command", q.waiting[0].Name()).Msg("too many commands are waiting, leaving out the oldest")
		q.waiting = slices.Delete(q.waiting, 0, 1)
	}
	q.waiting = append(q.waiting, c)
	if q.wake != nil {
		close(q.wake)
		q.wake = nil
	}
}

// Run runs what is added until ctx ends, and returns once no command runs any more.
func (q *Queue) Run(ctx context.Context) {
	for {
		c, wake := q.next()
		if wake == nil {
			if err := q.Runner.Run(ctx, c); err != nil && ctx.Err() == nil {
				q.Log.Warn().Err(err).Str("command", c.Name()).Msg("a configured command failed")
			}
			continue
		}
		select {
		case <-wake:
		case <-ctx.Done():
			return
		}
	}
}

// next takes the oldest command; if there is none, wake is closed when one is added.
func (q *Queue) next() (c Command, wake <-chan struct{}) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) > 0 {
		c = q.waiting[0]
		q.waiting = slices.Delete(q.waiting, 0, 1)
		return c, nil
	}
	q.wake = make(chan struct{})
	return c, q.wake
}
