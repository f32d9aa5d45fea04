package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"oauthd/ipc/api"
	"oauthd/ipc/own"
)

// places looks at the directories that oauthd trusts, and at the lock.
func (p Patient) places(s api.Status, statusErr error) []Finding {
	found := []Finding{p.socket()}
	for _, place := range []struct {
		check string
		dir   func() (string, error)
	}{{"configuration directory", p.Env.ConfigDir}, {"state directory", p.Env.StateDir}} {
		dir, err := place.dir()
		if err != nil {
			found = append(found, faulty(place.check, err))
			continue
		}
		found = append(found, directory(place.check, dir))
	}
	return append(found, p.lock(s, statusErr))
}

// socket looks at the socket's place.
func (p Patient) socket() Finding {
	path := p.Env.SocketPath()
	if err := own.SocketFits(path); err != nil {
		return refused("socket", err)
	}
	if p.Env.GOOS == "windows" { // a pipe is in no directory
		return ok("socket", path)
	}
	dir, err := own.Open(filepath.Dir(path))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return ok("socket", path+" (its directory is made when the daemon starts)")
	case err != nil:
		return refused("socket", err)
	}
	defer dir.Close()
	if err := dir.Private(); err != nil {
		return refused("socket", err)
	}
	return ok("socket", path)
}

// directory looks at a directory and all above it.
func directory(check, path string) Finding {
	dir, err := own.Open(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return ok(check, path+" (made when it is needed)")
	case err != nil:
		return refused(check, err)
	}
	defer dir.Close()
	if err := dir.Writable(); err != nil {
		return warn(check, path+" cannot be written to", "with a read-only home, the memory store works: oauthd help containers")
	}
	return ok(check, path)
}

// refused is the finding about a place that cannot be trusted.
func refused(check string, err error) Finding {
	f := fault(check, api.Excerpt(err.Error()), "")
	var why *own.Refused
	if errors.As(err, &why) {
		f.Fix = why.Hint
	}
	return f.orFix("every directory on the way must belong to you or root, and only you may write to it: chmod go-w")
}

// lock looks whether the lock says who the daemon is.
func (p Patient) lock(s api.Status, statusErr error) Finding {
	state, err := p.Env.StateDir()
	if err != nil {
		return warn("lock", "its place is not known", api.AsError(err).Hint)
	}
	path := filepath.Join(state, "lock")
	text, err := own.ReadNamed(path, api.MaxLockFile)
	if errors.Is(err, fs.ErrNotExist) {
		return ok("lock", "free")
	}
	if err != nil {
		return refused("lock", err)
	}
	holder, err := api.ParseLockFile(text)
	switch {
	case err != nil || holder.PID == 0:
		return ok("lock", "free")
	case statusErr == nil && holder.PID == s.PID:
		return ok("lock", fmt.Sprintf("held by the daemon, pid %d", s.PID))
	case statusErr == nil:
		return warn("lock", fmt.Sprintf("it names pid %d, and pid %d answers", holder.PID, s.PID), "oauthd stop")
	}
	if _, err := os.Stat(holder.Socket); err != nil {
		return ok("lock", "left behind by a daemon that is gone; the next one takes it")
	}
	return fault("lock", fmt.Sprintf("pid %d holds it and does not answer", holder.PID), fmt.Sprintf("kill %d; the log is %s", holder.PID, p.logFile()))
}

// store looks at where credentials are stored.
func (p Patient) store(ctx context.Context, s api.Status, statusErr error) (found []Finding) {
	if address, err := p.Bus(); p.Env.GOOS != "darwin" && p.Env.GOOS != "windows" {
		if err != nil {
			found = append(found, warn("session bus", api.Excerpt(err.Error()), "log in on the desktop, or use the file store: oauthd help files"))
		} else {
			found = append(found, ok("session bus", api.Excerpt(address)))
		}
	}
	if statusErr == nil {
		switch store := s.Store; store.State {
		case "ok":
			found = append(found, ok("store", store.Backend))
		case "locked":
			found = append(found, warn("store", store.Backend+" is locked", "oauthd unlock"))
		default:
			found = append(found, fault("store", store.Backend+": "+store.Detail, "oauthd login --store file stores credentials in encrypted files"))
		}
		return found
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	backend, err := p.Store(ctx)
	e := api.AsError(err)
	switch {
	case err == nil:
		return append(found, ok("store", backend))
	case e.Code == api.Locked || e.Code == api.KeystoreLocked:
		return append(found, warn("store", backend+": "+e.Message, cmp.Or(e.Hint, "oauthd unlock")))
	}
	return append(found, fault("store", backend+": "+e.Message, cmp.Or(e.Hint, "oauthd login --store file stores credentials in encrypted files")))
}
