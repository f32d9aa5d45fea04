package files

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"time"

	"oauthd/ipc/api"
	"oauthd/ipc/own"
)

// maxContent is more than a template with tokens in it has, in bytes.
const maxContent = 1 << 20

// errOvertaken says that what was to be written is not wanted any more.
var errOvertaken = errors.New("files: the token came too late")

// content is what goes into a file.
type content struct {
	text    string
	end     *time.Time // nil if that is not known
	secrets []string
}

// take waits for e's turn, in which nobody else touches its file.
func (e *entry) take(ctx context.Context) (release func(), err error) {
	select {
	case e.turn <- struct{}{}:
		return func() { <-e.turn }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// write puts c into e's file and makes the request it was asked for with e's, unless that has been overtaken. A file that
// was not written here stays, if the request does not say that it may be replaced.
func (k *Keeper) write(ctx context.Context, e *entry, asked chance, c content) error {
	release, err := e.take(ctx)
	if err != nil {
		return err
	}
	defer release()
	k.mu.Lock()
	overtaken := k.over || e.over || e.version != asked.version || k.epoch != asked.epoch
	sums := e.sums
	k.mu.Unlock()
	if overtaken {
		return errOvertaken
	}
	dir, err := openDir(e.path)
	if err != nil {
		return err
	}
	defer dir.Close()
	name := filepath.Base(e.path)
	was, err := digest(dir, name)
	if err != nil {
		return placeProblem(err)
	}
	if was != "" && !slices.Contains(sums, was) && !asked.request.Replace {
		return notOurs(e.path, len(sums) > 0)
	}
	now := sum(c.text)
	if err := k.put(ctx, e, asked, dir, []byte(c.text), was, now); err != nil {
		return err
	}
	k.mu.Lock()
	e.sums = []string{now}
	e.state.LastError, e.state.ExpiresAt = nil, c.end
	if was != now || e.state.WrittenAt == nil {
		e.state.WrittenAt = api.Moment(k.cfg.Now())
	}
	e.secrets = c.secrets
	k.mu.Unlock()
	if was != now {
		k.changed(e)
	}
	return nil
}

// put saves the record and then replaces the file, each if it has changed.
func (k *Keeper) put(ctx context.Context, e *entry, asked chance, dir *own.Dir, text []byte, was, now string) error {
	k.mu.Lock()
	request, sums, caller := e.request, e.sums, e.caller
	e.request, e.caller = asked.request, asked.caller
	e.request.Replace = false
	e.sums = []string{now, was} // either may be there after a crash
	if asked.redefines {
		e.version++
	}
	k.mu.Unlock()
	if was == now && !asked.redefines && slices.Contains(sums, now) {
		return nil
	}
	err := k.save(ctx)
	recorded := err == nil
	if err == nil && was != now {
		if err = dir.Replace(filepath.Base(e.path), text); err != nil {
			err = placeProblem(err)
		}
	}
	if err == nil {
		return nil
	}
	k.mu.Lock()
	e.request, e.sums, e.caller = request, sums, caller
	k.mu.Unlock()
	if recorded { // the next daemon must not go on with what was refused
		k.trySave()
	}
	return err
}

// remove removes e's file, unless it is a person's by now; then the error says so. It waits for whoever writes it.
func (k *Keeper) remove(ctx context.Context, e *entry) error {
	release, err := e.take(ctx)
	if err != nil {
		return err
	}
	defer release()
	k.mu.Lock()
	sums := e.sums
	k.mu.Unlock()
	if sums == nil {
		return nil // it was never written
	}
	if err := removeOurs(e.path, sums); err != nil {
		return err
	}
	k.mu.Lock()
	e.state.WrittenAt, e.state.ExpiresAt = nil, nil
	k.mu.Unlock()
	return nil
}

// removeOurs removes the file at path if its digest is among sums. One that is not there has been removed.
func removeOurs(path string, sums []string) error {
	dir, err := openDir(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer dir.Close()
	name := filepath.Base(path)
	is, err := digest(dir, name)
	switch {
	case err != nil:
		return placeProblem(err)
	case is == "":
		return nil
	case !slices.Contains(sums, is):
		return notOurs(path, true)
	}
	if err := dir.Remove(name); err != nil {
		return placeProblem(err)
	}
	return nil
}

// digest returns the digest of a file's content, "" if there is no file. Anything but a file of ours is refused.
func digest(dir *own.Dir, name string) (string, error) {
	text, err := dir.Read(name, maxContent)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return sum(string(text)), nil
}

func sum(text string) string {
	s := sha256.Sum256([]byte(text))
	return hex.EncodeToString(s[:])
}

// openDir proves and opens the directory of a file.
func openDir(path string) (*own.Dir, error) {
	dir, err := own.Open(filepath.Dir(path))
	if errors.Is(err, fs.ErrNotExist) {
		e := &api.Error{Code: api.BadRequest, Message: "there is no directory " + api.Excerpt(filepath.Dir(path)), Hint: "make it first"}
		return nil, e.Because(err)
	}
	if err != nil {
		return nil, placeProblem(err)
	}
	return dir, nil
}

// placeProblem words why a file cannot be written or removed.
func placeProblem(err error) error {
	var refused *own.Refused
	if errors.As(err, &refused) {
		e := &api.Error{Code: api.BadRequest, Message: api.Excerpt(refused.Error()), Hint: refused.Hint}
		if e.Hint == "" {
			e.Hint = "name a new file in a directory that only you can write to"
		}
		return e.Because(err)
	}
	e := &api.Error{Code: api.Internal, Message: "the file cannot be written: " + api.Excerpt(err.Error()), Hint: "check the directory and the space that is left"}
	return e.Because(err)
}

func notOurs(path string, once bool) error {
	e := &api.Error{Code: api.BadRequest, Message: api.Excerpt(path) + " exists, and oauthd did not write it",
		Hint: "choose another path, or replace it with --force"}
	if once {
		e.Message = api.Excerpt(path) + " was changed by somebody else, so it is left alone"
		e.Hint = "oauthd file NAME PATH --force replaces it, oauthd file rm PATH forgets it"
	}
	return e
}
