package helpers

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"oauthd/ipc/api"
	"oauthd/ipc/own"
)

// Step is one change that has a program ask oauthd.
type Step interface {
	// Text is the change as a person would make it: a command line for a shell, or a file's name and what goes into it.
	Text() string
	// Make makes the change. One that was made already stays as it is.
	Make(ctx context.Context) error
	// Unmake undoes what Make did, and nothing else; it is no error if there is nothing to undo.
	Unmake(ctx context.Context) error
}

// Link is a symbolic link to oauthd, by whose name it knows what is asked of it.
type Link struct {
	// Path is where the link is, To the path of oauthd.
	Path, To string
}

// Text implements [Step].
func (l *Link) Text() string {
	return "mkdir -p " + Quoted(filepath.Dir(l.Path)) + "\nln -s " + Quoted(l.To, l.Path)
}

// Make implements [Step]. It replaces a link to an oauthd elsewhere, but nothing else.
func (l *Link) Make(context.Context) error {
	dir, err := own.Make(filepath.Dir(l.Path))
	if err != nil {
		return unchanged(filepath.Dir(l.Path), err)
	}
	defer dir.Close()
	name := filepath.Base(l.Path)
	if l.ours(dir) {
		if err := dir.Remove(name); err != nil {
			return unchanged(l.Path, err)
		}
	}
	if err := dir.Symlink(l.To, name); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return &api.Error{Code: api.BadRequest, Message: api.Excerpt(l.Path) + " exists, and is no link to oauthd", Hint: "move it away, or install with --dir into another directory"}
		}
		return unchanged(l.Path, err)
	}
	return nil
}

// Unmake implements [Step].
func (l *Link) Unmake(context.Context) error {
	dir, err := own.Open(filepath.Dir(l.Path))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return unchanged(filepath.Dir(l.Path), err)
	}
	defer dir.Close()
	if !l.ours(dir) {
		return nil
	}
	if err := dir.Remove(filepath.Base(l.Path)); err != nil {
		return unchanged(l.Path, err)
	}
	return nil
}

// ours reports whether the link exists and leads to an oauthd.
func (l *Link) ours(dir *own.Dir) bool {
	info, err := dir.Lstat(filepath.Base(l.Path))
	if err != nil || info.Mode()&fs.ModeSymlink == 0 {
		return false
	}
	to, err := os.Readlink(l.Path)
	name := strings.TrimSuffix(filepath.Base(to), ".exe")
	return err == nil && (to == l.To || name == "oauthd" || name == "oauthd-helper")
}

// Note is something that a person has to know about the changes, or to do alone.
type Note string

// Text implements [Step].
func (n Note) Text() string { return "# " + strings.ReplaceAll(string(n), "\n", "\n# ") }

// Make implements [Step]: there is nothing to make.
func (Note) Make(context.Context) error { return nil }

// Unmake implements [Step].
func (Note) Unmake(context.Context) error { return nil }

// Command is a command of the program's own that changes its configuration.
type Command struct {
	// Made succeeds if the change was made already.
	Made []string
	// Change makes the change, Undo undoes it.
	Change, Undo []string
}

// Text implements [Step].
func (c *Command) Text() string { return Quoted(c.Change...) }

// Make implements [Step].
func (c *Command) Make(ctx context.Context) error {
	if c.made(ctx) {
		return nil
	}
	return execute(ctx, c.Change)
}

// Unmake implements [Step].
func (c *Command) Unmake(ctx context.Context) error {
	if !c.made(ctx) {
		return nil
	}
	return execute(ctx, c.Undo)
}

func (c *Command) made(ctx context.Context) bool {
	return exec.CommandContext(ctx, c.Made[0], c.Made[1:]...).Run() == nil
}

func execute(ctx context.Context, command []string) error {
	out, err := exec.CommandContext(ctx, command[0], command[1:]...).CombinedOutput()
	if errors.Is(err, exec.ErrNotFound) {
		return &api.Error{Code: api.BadRequest, Message: "there is no program " + command[0], Hint: "install it first, or run by hand: " + Quoted(command...)}
	}
	if err != nil {
		return (&api.Error{Code: api.Internal, Message: command[0] + " refused the change: " + api.Excerpt(strings.TrimSpace(string(out)+" "+err.Error())),
			Hint: "run by hand: " + Quoted(command...)}).Because(err)
	}
	return nil
}

// unchanged is the error for a file that could not be changed.
func unchanged(path string, err error) error {
	return (&api.Error{Code: api.Internal, Message: fmt.Sprintf("%s was not changed: %s", api.Excerpt(path), api.Excerpt(err.Error())),
		Hint: "make the change by hand: oauthd helper install shows it"}).Because(err)
}

// Quoted returns words as a shell takes them.
func Quoted(words ...string) string {
	out := make([]string, len(words))
	for i, w := range words {
		if w == "" || strings.ContainsAny(w, " \t\n'\"\\$&|;<>()*?[]#~`!{}") {
			w = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
		out[i] = w
	}
	return strings.Join(out, " ")
}
