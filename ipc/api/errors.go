package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
)

// Code is the stable name of an error. Programs branch on it; people read [Error.Message].
type Code string

// The codes, in the order of their exit status.
const (
	ProviderRejected    Code = "provider_rejected"    // the provider refused, and asking again will not help
	LoginTimeout        Code = "login_timeout"        // nobody finished the login in time
	LoginFailed         Code = "login_failed"         // the login ended without a credential
	LoginSuperseded     Code = "login_superseded"     // a newer login of the same account took over
	UnknownLogin        Code = "unknown_login"        // no login with that id is waiting
	PortUnavailable     Code = "port_unavailable"     // the redirect URI's port is taken
	Ambiguous           Code = "ambiguous"            // more than one account fits
	TooLarge            Code = "too_large"            // the request is over the size limit
	AlreadyRunning      Code = "already_running"      // this person has a daemon already; never sent over the socket
	Internal            Code = "internal"             // a fault of oauthd itself
	BadRequest          Code = "bad_request"          // the request does not make sense
	UnknownAccount      Code = "unknown_account"      // there is no account with that name
	UnknownProvider     Code = "unknown_provider"     // there is no provider with that name
	ConfigInvalid       Code = "config_invalid"       // a configuration or client file has a mistake in it
	Unsupported         Code = "unsupported"          // the provider, or this platform, cannot do that
	LoginRequired       Code = "login_required"       // a person has to log in (again)
	ScopeNotGranted     Code = "scope_not_granted"    // the grant does not cover the scopes that were asked for
	SubjectMismatch     Code = "subject_mismatch"     // not the person who logged in before
	LoginDenied         Code = "login_denied"         // the person, or the provider for them, said no
	PolicyDenied        Code = "policy_denied"        // this caller may not have that token
	Forbidden           Code = "forbidden"            // this caller may not talk to the daemon
	Locked              Code = "locked"               // oauthd is locked
	KeystoreLocked      Code = "keystore_locked"      // the keychain is locked
	NoDaemon            Code = "no_daemon"            // no daemon is running; never sent over the socket
	ProviderUnreachable Code = "provider_unreachable" // trouble with the network or the provider; try later
	Timeout             Code = "timeout"              // no answer in time
	Busy                Code = "busy"                 // too many connections or requests
	KeystoreUnavailable Code = "keystore_unavailable" // there is no keychain, or it does not answer
	KeystoreFull        Code = "keystore_full"        // the store does not take any more
)

// status is a row of the table: to add an error, add a row.
type status struct{ http, exit int }

var statuses = map[Code]status{
	ProviderRejected:    {http.StatusBadGateway, 1},
	LoginTimeout:        {http.StatusGatewayTimeout, 1},
	LoginFailed:         {http.StatusBadGateway, 1},
	LoginSuperseded:     {http.StatusConflict, 1},
	UnknownLogin:        {http.StatusNotFound, 1},
	PortUnavailable:     {http.StatusServiceUnavailable, 1},
	Ambiguous:           {http.StatusConflict, 1},
	TooLarge:            {http.StatusRequestEntityTooLarge, 1},
	AlreadyRunning:      {http.StatusConflict, 1},
	Internal:            {http.StatusInternalServerError, 1},
	BadRequest:          {http.StatusBadRequest, 2},
	UnknownAccount:      {http.StatusNotFound, 2},
	UnknownProvider:     {http.StatusNotFound, 2},
	ConfigInvalid:       {http.StatusBadRequest, 2},
	Unsupported:         {http.StatusBadRequest, 2},
	LoginRequired:       {http.StatusUnauthorized, 3},
	ScopeNotGranted:     {http.StatusForbidden, 3},
	SubjectMismatch:     {http.StatusUnauthorized, 3},
	LoginDenied:         {http.StatusForbidden, 4},
	PolicyDenied:        {http.StatusForbidden, 4},
	Forbidden:           {http.StatusForbidden, 4},
	Locked:              {http.StatusLocked, 5},
	KeystoreLocked:      {http.StatusLocked, 5},
	NoDaemon:            {http.StatusServiceUnavailable, 6},
	ProviderUnreachable: {http.StatusServiceUnavailable, 7},
	Timeout:             {http.StatusGatewayTimeout, 7},
	Busy:                {http.StatusTooManyRequests, 7},
	KeystoreUnavailable: {http.StatusServiceUnavailable, 8},
	KeystoreFull:        {http.StatusServiceUnavailable, 8},
}

// HTTPStatus returns the HTTP status that goes with c; 500 for a code that this version does not know.
func (c Code) HTTPStatus() int {
	if s, ok := statuses[c]; ok {
		return s.http
	}
	return http.StatusInternalServerError
}

// ExitStatus returns the exit status of a command that ends with c; 1 for a code that this version does not know.
func (c Code) ExitStatus() int {
	if s, ok := statuses[c]; ok {
		return s.exit
	}
	return 1
}

// Error is an error as a caller sees it: a stable code, one sentence, and what to do next.
//
// Two Errors match under [errors.Is] if their codes do, so &Error{Code: c} serves as the sentinel for c.
type Error struct {
	Code    Code   `json:"code"`
	Message string `json:"message"`
	// Hint says what to do next; "" if there is nothing to do.
	Hint string `json:"hint,omitempty"`
	// RetryAfter is the number of seconds before another try makes sense; 0 if that is not known.
	RetryAfter int `json:"retry_after,omitempty"`

	cause error
}

// Error returns the message alone; the cause is for the log, see [Error.Unwrap].
func (e *Error) Error() string {
	if e.Message == "" {
		return string(e.Code)
	}
	return e.Message
}

// Line returns message and hint as one line that may be shown, for programs that show a person no more than that.
func (e *Error) Line() string {
	text := e.Error()
	if e.Hint != "" {
		text += "; hint: " + e.Hint
	}
	return cut(strings.TrimSpace(Printable(text)), maxLine)
}

// Is reports whether target is an *Error of the same code.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// Because returns a copy of e that carries cause for the log. The cause never crosses the socket.
func (e *Error) Because(cause error) *Error {
	c := *e
	c.cause = cause
	return &c
}

// Unwrap returns the cause given to [Error.Because], or nil.
func (e *Error) Unwrap() error { return e.cause }

// MarshalJSON implements [json.Marshaler]: message and hint leave as text that may be shown, whatever was quoted in
// them, and cut where they are far too long to be read.
func (e Error) MarshalJSON() ([]byte, error) {
	type fields Error
	e.Message, e.Hint = Lines(e.Message), Lines(e.Hint)
	return json.Marshal(fields(e))
}

// AsError returns the *Error in err's tree. An err without one becomes a [Timeout] if a deadline has passed, and
// otherwise an [Internal] error; err is then its cause, so that no detail of it reaches a caller. It returns nil for a
// nil err.
func AsError(err error) *Error {
	if err == nil {
		return nil
	}
	var e *Error
	switch {
	case errors.As(err, &e):
		return e
	case errors.Is(err, context.DeadlineExceeded):
		e = &Error{Code: Timeout, Message: "there was no answer in time", Hint: "try again"}
	default:
		e = &Error{Code: Internal, Message: "internal error", Hint: "see the daemon's log for details"}
	}
	return e.Because(err)
}

// ErrorBody is the JSON object that carries an Error over HTTP and line JSON.
type ErrorBody struct {
	Error *Error `json:"error"`
}
