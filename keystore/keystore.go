// Package keystore stores opaque bytes under a name: in the desktop's keychain ([Keychain]), in encrypted files
// ([File]), or in memory ([Memory]).
//
// It promises that Put has read back what it stored, that an absent record is never confused with a store that does not
// answer, and that no call outlives its context. It does not know what the bytes mean, and never shows them: they are
// in no error, no argument list and no environment. It does not check whose they are either: a record that somebody
// moved to another name is returned under that name.
package keystore

import (
	"context"
	"errors"
	"fmt"
)

// Store stores opaque bytes under names. A name is 1 to 128 of a-z 0-9 . _ @ + -; others are refused, because stores
// use ':' and '/' themselves, fold case (Windows) or build command lines (macOS).
//
// A Store is safe for concurrent use. Every method honours ctx and returns an error that wraps ctx.Err() when ctx has
// ended.
type Store interface {
	// Get returns a copy of what is stored under name, or [ErrNotFound] if nothing is.
	Get(ctx context.Context, name string) ([]byte, error)
	// Put stores a copy of data under name, in place of what was there, and reads it back. After an error either the
	// old or the new data may be there, whole.
	Put(ctx context.Context, name string, data []byte) error
	// Delete deletes what is stored under name; nil if there was nothing.
	Delete(ctx context.Context, name string) error
}

// What a store may answer; match with [errors.Is].
var (
	// ErrNotFound means that the store answered and has nothing under the name.
	ErrNotFound = errors.New("not in the store")
	// ErrLocked means that a person has to unlock the store first.
	ErrLocked = errors.New("the store is locked")
	// ErrUnavailable means that there is no store, or that it did not do what was asked in time.
	ErrUnavailable = errors.New("the store is unavailable")
	// ErrFull means that the store refuses the size.
	ErrFull = errors.New("too large for the store")
	// ErrDamaged means that the store answered with something Put did not write, or with parts that do not fit
	// together. Put and Delete of the same name repair it.
	ErrDamaged = errors.New("the record in the store is damaged")
)

const maxName = 128

func checkName(name string) error {
	if name == "" || len(name) > maxName {
		return fmt.Errorf("a name has 1 to %d characters, not %d", maxName, len(name))
	}
	for _, c := range []byte(name) {
		switch {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '.', c == '_', c == '@', c == '+', c == '-':
		default:
			return fmt.Errorf("a name cannot contain %q", c)
		}
	}
	return nil
}

// begin checks what every operation of every store checks first.
func begin(ctx context.Context, op, name string) error {
	if err := checkName(name); err != nil {
		return fmt.Errorf("keystore: %s %q: %w", op, name, err)
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("keystore: %s %q: %w", op, name, err)
	}
	return nil
}
