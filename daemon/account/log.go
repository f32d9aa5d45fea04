package account

import (
	"context"
	"errors"

	"github.com/rs/zerolog"
)

// LogCaller adds the caller of ctx to a log event; "oauthd" if the daemon acts by itself.
func LogCaller(ctx context.Context, e *zerolog.Event) *zerolog.Event {
	c, ok := CallerFrom(ctx)
	if !ok {
		return e.Str("caller", "oauthd")
	}
	return e.Int("pid", c.PID).Str("caller", c.Program())
}

// LogError adds err to a log event, and the cause that callers are not told.
func LogError(e *zerolog.Event, err error) *zerolog.Event {
	e = e.Err(err)
	if cause := errors.Unwrap(err); cause != nil {
		e = e.AnErr("cause", cause)
	}
	return e
}

// RememberProgram looks up the caller's program, and what else is known of it, at once: a caller that waits for a login has
// often gone by the time its log line is written.
func RememberProgram(ctx context.Context) context.Context {
	c, ok := CallerFrom(ctx)
	if !ok {
		return ctx
	}
	program, known := c.Program(), c.Known()
	c.Executable = func() string { return program }
	c.Evidence = func() Evidence { return known }
	return WithCaller(ctx, c)
}
