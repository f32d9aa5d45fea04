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
// convention a group is a user's own if its number is the user's. On Windows the access lists of a profile keep others
// out, and neither owners nor modes are looked at.
package own

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
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

// Ours reports whether a file belongs to this process's user.
func Ours(info fs.FileInfo) bool {
	uid, known := owner(info)
	return !known || uid == os.Geteuid()
}

// checkOwner refuses what belongs to anybody but us and root.
func checkOwner(path string, info fs.FileInfo) error {
	uid, known := owner(info)
	if !known || trusted(uid) {
		return nil
	}
	return &Refused{Path: path, Why: fmt.Sprintf("belongs to uid %d, not to you (uid %d)", uid, os.Geteuid())}
}

// checkWriters refuses what others than its owner may write to.
func checkWriters(path string, info fs.FileInfo) error {
	if !writableByOthers(info) {
		return nil
	}
	e := &Refused{Path: path, Why: fmt.Sprintf("can be written to by others (mode %04o)", info.Mode().Perm()), Hint: "chmod go-w " + path}
	if info.Mode()&fs.ModeSticky != 0 || !Ours(info) {
		e.Hint = "choose a place that only you can write to"
	}
	return e
}

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
