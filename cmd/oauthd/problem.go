package main

import (
	"errors"
	"fmt"
	"io"

	"oauthd/cmd/oauthd/screen"
	"oauthd/ipc/api"
)

// report prints err and its hint, and returns the exit status that goes with it. An error of cobra's own is about usage.
func report(w io.Writer, err error) int {
	var ended *exitError
	if errors.As(err, &ended) {
		if ended.err != nil {
			report(w, ended.err)
		}
		return ended.status
	}
	var e *api.Error
	if !errors.As(err, &e) {
		e = usage(err)
	}
	screen.Lines(w, "oauthd: ", e.Message)
	if e.Hint != "" {
		screen.Lines(w, "hint: ", e.Hint)
	}
	return e.Code.ExitStatus()
}

func usage(err error) *api.Error {
	return &api.Error{Code: api.BadRequest, Message: err.Error(), Hint: "oauthd --help lists the verbs, oauthd VERB --help their flags"}
}

func badRequest(message, hint string) error {
	return &api.Error{Code: api.BadRequest, Message: message, Hint: hint}
}

// exitError is an error with an exit status of its own: one that a shell gives for a program, or the program's.
type exitError struct {
	status int
	err    error // nil if the program itself has said what there is to say
}

// Error implements [error].
func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit status %d", e.status)
	}
	return e.err.Error()
}

// Unwrap returns the error, or nil.
func (e *exitError) Unwrap() error { return e.err }
