package keystore

import (
	"errors"
	"time"
)

// What a child may be asked to do.
const (
	opGet    = "get"
	opPut    = "put"
	opDelete = "delete"
)

// request goes to the child's stdin.
type request struct {
	Op      string `json:"op"`
	Service string `json:"service"`
	Name    string `json:"name"`
	Value   []byte `json:"value,omitempty"`
	// Timeout is the time after which the child gives up by itself, in case nothing is left to kill it.
	Timeout time.Duration `json:"timeout"`
}

// answer comes from the child's stdout.
type answer struct {
	Value []byte `json:"value,omitempty"`
	// Error is "" if all went well.
	Error string `json:"error,omitempty"`
	// Kind names the sentinel that Error wraps.
	Kind string `json:"kind,omitempty"`
}

var kinds = [...]struct {
	name     string
	sentinel error
}{
	{"damaged", ErrDamaged},
	{"full", ErrFull},
	{"locked", ErrLocked},
	{"not_found", ErrNotFound},
	{"no_bus", ErrNoBus},
	{"no_service", ErrNoService},
	{"no_answer", ErrNoAnswer},
	{"dismissed", ErrDismissed},
	{"unavailable", ErrUnavailable},
}

func answerOf(value []byte, err error) answer {
	if err == nil {
		return answer{Value: value}
	}
	for _, k := range kinds {
		if errors.Is(err, k.sentinel) {
			return answer{Error: err.Error(), Kind: k.name}
		}
	}
	return answer{Error: err.Error()}
}

// err returns what answerOf was given, with text and sentinel; an unknown kind counts as unavailable.
func (a answer) err() error {
	if a.Error == "" {
		return nil
	}
	for _, k := range kinds {
		if a.Kind == k.name {
			return &childError{a.Error, k.sentinel}
		}
	}
	return &childError{a.Error, ErrUnavailable}
}

// childError is an error that happened in the child.
type childError struct {
	text     string
	sentinel error
}

func (e *childError) Error() string { return e.text }
func (e *childError) Unwrap() error { return e.sentinel }
