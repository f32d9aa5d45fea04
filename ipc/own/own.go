// Package own opens files that nobody else has a hand in.
//
// A directory is proven before anything beneath it is touched ([Open], [Make]): each directory on the way to it, and it
// itself, belongs to us or to root, and nobody else may change what is in them. So a look at a name in it still holds
// when the name is used. Files beneath it are then reached through its descriptor ([Dir]), never through a link, and a
// pipe or a device in a file's place is refused without waiting for it.
//
// A file that a person wrote and named may lie behind links, in a repository of dotfiles for example. For it, the
// descriptor is checked ([ReadNamed]): a regular file of ours or root's that nobody else may write to.
//
// Others than the owner may write if the mode says so for everybody, or for a group that is not the owner's alone; by
// convention a group is a user's own if its number is the user's. On Windows the owner may be the user, the administrators
// or the system, and others may write if the access list gives that right to a group that every user is in.
package own

import (
	"errors"
	"io/fs"
)

// ErrTooLarge is what a [Refused] of a file with too many bytes wraps.
var ErrTooLarge = errors.New("too large")

// Refused is the error of a file or directory that cannot be trusted, or is not what it must be.
type Refused struct {
	Path string
	// Why follows the path, as in "belongs to uid 1000, not to you (uid 0)". It quotes nothing.
	Why string
	// Hint says what to do, "" if that depends on what the file is for.
	Hint string

	cause error
}

// Error returns the path and the reason.
func (e *Refused) Error() string { return e.Path + " " + e.Why }

// Unwrap returns [ErrTooLarge] or nil.
func (e *Refused) Unwrap() error { return e.cause }

// Advice returns the hint.
func (e *Refused) Advice() string { return e.Hint }

// checkFile refuses what is not a regular file of ours or root's, or what others may write to.
func checkFile(path string, info fs.FileInfo) error {
	if !info.Mode().IsRegular() {
		return &Refused{Path: path, Why: "is " + kind(info.Mode()) + ", not a regular file"}
	}
	if err := checkOwner(path, info); err != nil {
		return err
	}
	return checkWriters(path, info)
}

func kind(m fs.FileMode) string {
	switch {
	case m.IsDir():
		return "a directory"
	case m&fs.ModeSymlink != 0:
		return "a symbolic link"
	case m&fs.ModeNamedPipe != 0:
		return "a pipe"
	case m&fs.ModeSocket != 0:
		return "a socket"
	case m&fs.ModeDevice != 0:
		return "a device"
	}
	return "something else"
}
