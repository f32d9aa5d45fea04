package token

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	firstBackoff  = time.Second
	maxBackoff    = 60 * time.Second
	maxRetryAfter = time.Hour
)

// BackoffError says that the provider is not asked, because it failed a moment ago in a passing way.
type BackoffError struct {
	// Err is the failure.
	Err error
	// RetryAt is the wall time from which the provider is asked again.
	RetryAt time.Time
}

// Error shows the failure and the time of the next try.
func (e *BackoffError) Error() string {
	return fmt.Sprintf("token: not asking again before %s: %v", e.RetryAt.Format(time.RFC3339), e.Err)
}

// Unwrap returns Err.
func (e *BackoffError) Unwrap() error { return e.Err }

// failure is what is remembered of failing; the zero value is success.
type failure struct {
	lastError error
	// count is the number of passing failures in a row.
	count int
	// failedAt and retryAt bound our back-off, failedAt and providerRetryAt the provider's Retry-After; zero means none.
	// failedAt is there so that a clock set back ends a back-off instead of stretching it.
	failedAt        time.Time
	retryAt         time.Time
	providerRetryAt time.Time
}

func (f *failure) succeeded() { *f = failure{} }

// failed records err and returns what callers get.
func (f *failure) failed(err error, jitter float64, now time.Time) error {
	retryAfter, ok := transient(err)
	if !ok {
		*f = failure{lastError: err}
		return err
	}
	f.lastError, f.failedAt = err, now
	f.retryAt = now.Add(max(backoff(f.count, jitter), retryAfter))
	f.providerRetryAt = now.Add(retryAfter)
	f.count++
	return &BackoffError{Err: err, RetryAt: f.retryAt}
}

// backingOff returns the time before which the provider is not asked, or zero. Forced requests heed the provider alone.
func (f *failure) backingOff(force bool, now time.Time) time.Time {
	until := f.retryAt
	if force {
		until = f.providerRetryAt
	}
	if now.Before(f.failedAt) || !now.Before(until) {
		return time.Time{}
	}
	return until
}

// backoff returns the pause after count earlier failures: 1 s doubling to 60 s, less up to a quarter.
func backoff(count int, jitter float64) time.Duration {
	d := maxBackoff
	if count < 6 {
		d = min(firstBackoff<<count, maxBackoff)
	}
	return d - time.Duration(jitter*float64(d/4))
}

// transient reports whether err is passing, and after how long the provider wants to be asked again; 0 means it did not
// say. A context that ended is passing too: nobody has refused anything.
func transient(err error) (retryAfter time.Duration, ok bool) {
	var p interface {
		Pause() (retryAfter time.Duration, ok bool)
	}
	if errors.As(err, &p) {
		retryAfter, ok = p.Pause()
		return min(max(retryAfter, 0), maxRetryAfter), ok
	}
	return 0, errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}
