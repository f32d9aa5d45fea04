package ipc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/rs/zerolog"

	"oauthd/daemon/account"
	"oauthd/ipc/api"
)

// ErrInUse means that another process answers on the socket.
var ErrInUse = errors.New("another daemon is listening there")

func badRequest(message, hint string) *api.Error {
	return &api.Error{Code: api.BadRequest, Message: message, Hint: hint}
}

func tooLarge(limit int64) *api.Error {
	return &api.Error{Code: api.TooLarge, Message: fmt.Sprintf("the request has more than %d bytes", limit), Hint: "send less"}
}

func errStopping() *api.Error {
	return &api.Error{Code: api.Busy, Message: "the daemon is stopping", Hint: "try again", RetryAfter: 1}
}

// report writes one line about err to the log and returns err as the caller is to see it. where is a route; name is the
// account's, "" if it is not known.
func (sv *serving) report(ctx context.Context, where, name string, err error) *api.Error {
	e := api.AsError(err)
	if e.Code == api.Internal && errors.Is(err, context.Canceled) {
		e = errStopping().Because(err)
	}
	line := sv.cfg.Log.WithLevel(level(e.Code))
	if line == nil {
		return e
	}
	line = line.Str("request", where).Str("code", string(e.Code))
	// A malformed request may hold anything, so nothing of it is repeated.
	if e.Code != api.BadRequest && e.Code != api.TooLarge {
		if name != "" {
			line = line.Str("account", name)
		}
		line = line.Err(err)
		if cause := errors.Unwrap(e); cause != nil && cause != err {
			line = line.AnErr("cause", cause)
		}
	}
	if c, ok := account.CallerFrom(ctx); ok {
		line = line.Int("pid", c.PID)
		if denied(e.Code) {
			line = line.Str("program", c.Known().Executable) // never that of a process that has the pid now
		}
	}
	line.Msg("request failed")
	return e
}

func denied(c api.Code) bool { return c == api.Forbidden || c == api.PolicyDenied }

// level keeps out of the usual log what the backend has logged itself, such as a login or refresh that failed.
func level(c api.Code) zerolog.Level {
	switch {
	case c == api.Internal:
		return zerolog.ErrorLevel
	case denied(c):
		return zerolog.WarnLevel
	}
	return zerolog.DebugLevel
}

// recovered turns a panic of the backend into an error, so that one request fails and the daemon goes on.
func recovered(err *error) {
	v := recover()
	if v == nil {
		return
	}
	// The value of any other panic is not logged, because it may hold a secret.
	what := fmt.Sprintf("%T", v)
	if re, ok := v.(runtime.Error); ok {
		what = re.Error()
	}
	*err = fmt.Errorf("ipc: panic: %s\n%s", what, debug.Stack())
}

func marshalError(e *api.Error) []byte {
	b, err := json.Marshal(api.ErrorBody{Error: e})
	if err != nil {
		// This cannot fail: there are only strings and a number.
		return []byte(`{"error":{"code":"internal","message":"an error could not be encoded"}}`)
	}
	return b
}

func appendError(out []byte, e *api.Error) []byte { return append(out, marshalError(e)...) }
