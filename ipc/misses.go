package ipc

import (
	"context"
	"errors"
	"sync"
	"time"

	"oauthd/ipc/api"
)

const (
	// freeMisses is how many requests for accounts that do not exist are answered at once, in each second.
	freeMisses = 200
	// missPause is how long each of the others waits for its answer.
	missPause = 10 * time.Millisecond
)

// misses slows down callers that ask for unknown accounts in a loop: their requests would take the processor from those
// that get tokens. All callers together are counted, because a program may open a connection for each request.
type misses struct {
	mu    sync.Mutex // guards the fields below
	since time.Time
	n     int
}

// late reports whether a request that missed at that time is one too many.
func (m *misses) late(now time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if now.Sub(m.since).Abs() >= time.Second {
		m.since, m.n = now, 0
	}
	m.n++
	return m.n > freeMisses
}

// missed delays the answer err if it is about an account that does not exist, and there are too many of those.
func (sv *serving) missed(ctx context.Context, err error) {
	if err == nil || !errors.Is(err, &api.Error{Code: api.UnknownAccount}) || !sv.misses.late(time.Now()) {
		return
	}
	pause := time.NewTimer(missPause)
	defer pause.Stop()
	select {
	case <-pause.C:
	case <-ctx.Done():
	}
}
