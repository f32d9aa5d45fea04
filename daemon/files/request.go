package files

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"oauthd/daemon/account"
	"oauthd/ipc/api"
	"oauthd/ipc/own"
	"oauthd/ipc/peer"
)

// maxCommand is how many bytes a command may have.
const maxCommand = 4 << 10

// Add writes a file and maintains it from then on. If it is maintained already, what was asked for before is replaced.
// An error means that nothing has changed.
func (k *Keeper) Add(ctx context.Context, r api.FileRequest) (api.File, error) {
	if err := k.ready(ctx); err != nil {
		return api.File{}, err
	}
	if err := checkRequest(r); err != nil {
		return api.File{}, err
	}
	if r.Path == "" {
		return k.addForProcess(ctx, r)
	}
	if err := checkCaller(ctx); err != nil {
		return api.File{}, err
	}
	dir, err := openDir(r.Path)
	if err != nil {
		return api.File{}, err
	}
	path := dir.Path(filepath.Base(r.Path))
	_ = dir.Close()
	k.mu.Lock()
	e := k.all[path]
	k.mu.Unlock()
	if e != nil {
		return k.redefine(ctx, e, r)
	}
	e = k.newEntry(path, r)
	return k.add(ctx, e, r)
}

// checkRequest checks what the socket does not know of.
func checkRequest(r api.FileRequest) error {
	bad := func(message, hint string) error {
		return &api.Error{Code: api.BadRequest, Message: message, Hint: hint}
	}
	switch {
	case strings.ContainsRune(r.OnChange, 0) || len(r.OnChange) > maxCommand:
		return bad(fmt.Sprintf("the command has more than %d bytes, or a zero byte", maxCommand), "put it into a script")
	case r.Path == "" && r.OnChange != "":
		return bad("a command after a change is for a file with a path", "give a path, or leave the command out")
	case r.Path == "":
	case !filepath.IsAbs(r.Path):
		return bad("the path is not absolute", "give the path from the root")
	case api.Printable(r.Path) != r.Path:
		return bad("the path has characters that do not show", "choose another name")
	case strings.HasSuffix(r.Path, string(filepath.Separator)) || strings.Trim(filepath.Base(r.Path), ".") == "":
		return bad(api.Excerpt(r.Path)+" is the name of a directory", "add the name of the file")
	}
	return nil
}

// addForProcess adds a file that lives as long as the caller.
func (k *Keeper) addForProcess(ctx context.Context, r api.FileRequest) (api.File, error) {
	caller, ok := account.CallerFrom(ctx)
	if !ok || caller.PID <= 0 {
		return api.File{}, unknownProcess(errors.ErrUnsupported)
	}
	p, err := peer.OpenProcess(caller.PID)
	if err != nil {
		return api.File{}, unknownProcess(err)
	}
	const folder = "files"
	dir, err := own.Make(filepath.Join(k.cfg.Dir, folder))
	if err != nil {
		p.Close()
		return api.File{}, placeProblem(err)
	}
	e := k.newEntry(dir.Path(r.Account+"."+rand.Text()[:10]), r)
	_ = dir.Close()
	e.process, e.pid = p, caller.PID
	f, err := k.add(ctx, e, r)
	if err != nil {
		p.Close()
	}
	return f, err
}

func unknownProcess(err error) error {
	e := &api.Error{Code: api.Unsupported, Message: "this system does not say which program asks, so a file cannot live as long as it",
		Hint: "oauthd file NAME PATH maintains a file for as long as the daemon runs"}
	return e.Because(err)
}

// busy is the answer to a request that another one, or the daemon's end, has overtaken.
func busy(message, hint string) error {
	return &api.Error{Code: api.Busy, Message: message, Hint: hint, RetryAfter: 1}
}

// add takes in e, and drops it again if it cannot be written.
func (k *Keeper) add(ctx context.Context, e *entry, r api.FileRequest) (api.File, error) {
	if caller, ok := account.CallerFrom(account.RememberProgram(ctx)); ok {
		e.caller = caller
	}
	if err := k.enter(e); err != nil {
		e.end()
		return api.File{}, err
	}
	next, err := k.insist(ctx, e, func() chance { return k.chance(e) })
	if err == nil {
		k.mu.Lock()
		if k.over || e.over {
			err = errOvertaken
		} else {
			k.begin(e, next)
		}
		k.mu.Unlock()
	}
	if err != nil {
		if dropping := k.drop(e); dropping != nil {
			account.LogError(k.cfg.Log.Warn(), dropping).Str("file", e.path).Msg("a token file stays")
		}
		return api.File{}, worded(err)
	}
	account.LogCaller(ctx, k.cfg.Log.Info()).Str("account", r.Account).Str("file", e.path).Msg("maintaining a token file")
	return k.shown(e), nil
}

// enter makes e known.
func (k *Keeper) enter(e *entry) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case k.over:
		return worded(errOvertaken)
	case k.all[e.path] != nil:
		return busy("another program is setting this file up, or ending it", "try again")
	case len(k.all) >= maxFiles:
		return busy(fmt.Sprintf("oauthd maintains %d files already, and no more", maxFiles), "oauthd file list shows them, oauthd file rm ends one")
	}
	k.all[e.path] = e
	return nil
}

// insist attempts until nothing has come in between.
func (k *Keeper) insist(ctx context.Context, e *entry, with func() chance) (next time.Duration, err error) {
	for {
		next, err = k.attempt(ctx, e, with())
		k.mu.Lock()
		over := k.over || e.over
		k.mu.Unlock()
		if over || !errors.Is(err, errOvertaken) || ctx.Err() != nil {
			return next, err
		}
	}
}

func worded(err error) error {
	if errors.Is(err, errOvertaken) {
		return busy("the daemon is stopping, or the file was ended meanwhile", "try again")
	}
	return err
}

// redefine has e's file hold what r asks for, from now on.
func (k *Keeper) redefine(ctx context.Context, e *entry, r api.FileRequest) (api.File, error) {
	caller, _ := account.CallerFrom(account.RememberProgram(ctx))
	_, err := k.insist(ctx, e, func() chance {
		c := k.chance(e)
		c.request, c.redefines, c.caller = r, true, caller
		return c
	})
	if err != nil {
		return api.File{}, worded(err)
	}
	k.Changed(r.Account) // when to look again is another time now
	account.LogCaller(ctx, k.cfg.Log.Info()).Str("account", r.Account).Str("file", e.path).Msg("maintaining a token file")
	return k.shown(e), nil
}

// List returns all files, by path.
func (k *Keeper) List(ctx context.Context) ([]api.File, error) {
	if err := k.ready(ctx); err != nil {
		return nil, err
	}
	k.mu.Lock()
	entries := slices.DeleteFunc(k.entriesLocked(""), func(e *entry) bool { return e.over })
	k.mu.Unlock()
	var all []api.File
	for _, e := range entries {
		all = append(all, k.shown(e))
	}
	slices.SortFunc(all, func(a, b api.File) int { return cmp.Compare(a.Path, b.Path) })
	return all, nil
}

// shown returns what a listing shows of e.
func (k *Keeper) shown(e *entry) api.File {
	k.mu.Lock()
	defer k.mu.Unlock()
	f := e.state
	f.Path, f.Account, f.Scope, f.Format, f.OnChange, f.PID = e.path, e.request.Account, e.request.Scope, e.request.Format, e.request.OnChange, e.pid
	return f
}

// End ends the maintenance of a file and removes it, unless it is a person's by now; LastError says so then.
func (k *Keeper) End(ctx context.Context, path string) (api.File, error) {
	if err := k.ready(ctx); err != nil {
		return api.File{}, err
	}
	k.mu.Lock()
	e := k.all[path]
	k.mu.Unlock()
	if e == nil && filepath.IsAbs(path) {
		if dir, err := own.Open(filepath.Dir(path)); err == nil {
			path = dir.Path(filepath.Base(path))
			_ = dir.Close()
		}
		k.mu.Lock()
		e = k.all[path]
		k.mu.Unlock()
	}
	if e == nil {
		return api.File{}, &api.Error{Code: api.BadRequest, Message: "oauthd maintains no file " + api.Excerpt(path), Hint: "oauthd file list shows which it does"}
	}
	err := k.drop(e)
	f := k.shown(e)
	if err != nil {
		f.LastError = api.AsError(err)
	}
	account.LogCaller(ctx, k.cfg.Log.Info()).Str("account", f.Account).Str("file", path).Msg("a token file has ended")
	return f, nil
}

// drop ends e and removes its file, unless it is a person's by now; the error says so then.
func (k *Keeper) drop(e *entry) error {
	k.mu.Lock()
	over := e.over
	e.over = true
	k.mu.Unlock()
	e.end()
	if over {
		return nil
	}
	// The file goes before the record forgets it, and before there may be another at its path.
	err := k.remove(context.Background(), e)
	k.mu.Lock()
	delete(k.all, e.path)
	saved := e.sums != nil
	k.mu.Unlock()
	if !saved {
		return err
	}
	k.trySave()
	return err
}
