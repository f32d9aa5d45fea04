package ipc

import (
	"context"
	"sync"
	"time"
)

// requestContext is the context of a request, with a deadline. Unlike context.WithDeadline it makes a timer only when
// somebody waits for its end, which a request for a cached token does not.
type requestContext struct {
	context.Context
	began time.Time
	limit time.Duration

	mu     sync.Mutex // guards the fields below
	full   context.Context
	cancel context.CancelFunc
	over   bool
}

// withDeadline returns a context for a request that began at that time and must be answered within limit. Its end must
// be called.
func withDeadline(parent context.Context, began time.Time, limit time.Duration) *requestContext {
	return &requestContext{Context: parent, began: began, limit: limit}
}

// now returns the time: when the request began, unless somebody has waited since. It reads the clock only then.
func (r *requestContext) now() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.full != nil {
		return time.Now()
	}
	return r.began
}

// extend gives the request more time. It has to come before anybody waits for the end of the context.
func (r *requestContext) extend(limit time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.limit = limit
}

// AwaitPerson gives a request that has to wait for a person so much more time. It has to come before anybody waits for the
// end of the context.
func (r *requestContext) AwaitPerson(more time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.limit += more
}

func (r *requestContext) deadline() time.Time { return r.began.Add(r.limit) }

func (r *requestContext) Deadline() (time.Time, bool) { return r.deadline(), true }

func (r *requestContext) Done() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.full == nil {
		r.full, r.cancel = context.WithDeadline(r.Context, r.deadline())
		if r.over {
			r.cancel()
		}
	}
	return r.full.Done()
}

func (r *requestContext) Err() error {
	r.mu.Lock()
	full, over := r.full, r.over
	r.mu.Unlock()
	switch {
	case full != nil:
		return full.Err()
	case over:
		return context.Canceled
	case !time.Now().Before(r.deadline()):
		return context.DeadlineExceeded
	}
	return r.Context.Err()
}

// Value asks the full context if there is one, so that package context finds it as the parent of others.
func (r *requestContext) Value(key any) any {
	r.mu.Lock()
	full := r.full
	r.mu.Unlock()
	if full != nil {
		return full.Value(key)
	}
	return r.Context.Value(key)
}

// end ends the request and releases what Done allocated.
func (r *requestContext) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.over = true
	if r.cancel != nil {
		r.cancel()
	}
}
