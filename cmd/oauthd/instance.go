package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"oauthd/cmd/oauthd/process"
	"oauthd/ipc"
	"oauthd/ipc/api"
	"oauthd/ipc/own"
)

const (
	// lockPatience is how long a daemon waits for one that is on its way out.
	lockPatience = 3 * time.Second
	lockPause    = 20 * time.Millisecond
)

// heldLock is the lock of the one daemon, held by this process.
type heldLock struct{ file *os.File }

// takeLock makes this process the one daemon, and writes into the lock file who that is and where it listens. Another
// daemon that answers is an error that names it. The lock's directory is made if it is missing, and nothing is written
// before it is proven.
func takeLock(ctx context.Context, path, socket string) (*heldLock, error) {
	dir, err := own.Make(filepath.Dir(path))
	if err != nil {
		return nil, lockProblem(path, err)
	}
	defer dir.Close()
	file, err := dir.OpenFile(filepath.Base(path), os.O_CREATE|os.O_RDWR)
	if err != nil {
		return nil, lockProblem(path, err)
	}
	lock := &heldLock{file}
	if err := lock.wait(ctx, path); err != nil {
		_ = file.Close()
		return nil, err
	}
	if err := lock.announce(socket); err != nil {
		lock.release()
		return nil, lockProblem(path, err)
	}
	return lock, nil
}

// wait waits for the lock, as long as another daemon may be on its way out.
func (l *heldLock) wait(ctx context.Context, path string) error {
	ctx, cancel := context.WithTimeout(ctx, lockPatience)
	defer cancel()
	for {
		locked, err := own.TryLock(l.file)
		if err != nil {
			return lockProblem(path, err)
		}
		if locked {
			return nil
		}
		holder := readLockFile(l.file)
		if ipc.Answers(holder.Socket) {
			return &api.Error{
				Code:    api.AlreadyRunning,
				Message: fmt.Sprintf("a daemon already runs (pid %d, socket %s)", holder.PID, api.Excerpt(holder.Socket)),
				Hint:    "use it, or end it with oauthd stop",
			}
		}
		select {
		case <-time.After(lockPause):
		case <-ctx.Done():
			return silentHolder(path, holder)
		}
	}
}

// silentHolder is the error of a lock whose holder does not answer. What the file says is believed only of a process of
// ours.
func silentHolder(path string, holder api.LockFile) error {
	path = api.Excerpt(path)
	if !process.Own(holder.PID) {
		return &api.Error{Code: api.AlreadyRunning, Message: "another process holds " + path + ", and no daemon of yours is behind it",
			Hint: "wait for it to end" + process.WhoHolds(path)}
	}
	return &api.Error{
		Code:    api.AlreadyRunning,
		Message: fmt.Sprintf("a daemon (pid %d) holds %s and does not answer on %s", holder.PID, path, api.Excerpt(holder.Socket)),
		Hint:    fmt.Sprintf("wait for it to end, or end it: %s %d", process.KillCommand, holder.PID),
	}
}

// announce writes who holds the lock and where it listens. It does so in place: a client reads the file that is locked,
// and must not find another one under its name.
func (l *heldLock) announce(socket string) error {
	text, err := json.Marshal(api.LockFile{PID: os.Getpid(), Socket: socket})
	if err != nil {
		return err
	}
	if err := l.file.Truncate(0); err != nil {
		return err
	}
	_, err = l.file.WriteAt(append(text, '\n'), 0)
	return err
}

// release lets another daemon begin.
func (l *heldLock) release() {
	_ = l.file.Truncate(0)
	_ = l.file.Close()
}

// handOn lets the daemon begin that follows in this process. The file goes on naming it, so that nobody takes it for gone.
func (l *heldLock) handOn() { _ = l.file.Close() }

// readLock returns what the lock file says; zero if it says nothing, or is not ours.
func readLock(path string) api.LockFile {
	dir, err := own.Open(filepath.Dir(path))
	if err != nil {
		return api.LockFile{}
	}
	defer dir.Close()
	file, err := dir.OpenFile(filepath.Base(path), os.O_RDONLY)
	if err != nil {
		return api.LockFile{}
	}
	defer file.Close()
	return readLockFile(file)
}

// readLockFile returns what an open lock file says; zero if its holder has just begun and not written it yet.
func readLockFile(file *os.File) api.LockFile {
	text := make([]byte, api.MaxLockFile+1)
	n, _ := file.ReadAt(text, 0)
	holder, err := api.ParseLockFile(text[:n])
	if err != nil {
		return api.LockFile{}
	}
	return holder
}

func lockProblem(path string, err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	return placeProblem("the lock "+api.Excerpt(path)+" cannot be taken", err, "that directory must be yours and writable; XDG_STATE_HOME chooses another")
}

// placeProblem is the error of a file that cannot be made or opened where it must be. A hint of err's own goes before
// hint.
func placeProblem(what string, err error, hint string) error {
	p := &api.Error{Code: api.ConfigInvalid, Message: what + ": " + api.Excerpt(err.Error()), Hint: hint}
	var refused *own.Refused
	if errors.As(err, &refused) && refused.Hint != "" {
		p.Hint = refused.Hint
	}
	return p.Because(err)
}

// lockPath is where the one daemon of a person holds its lock: in state. A memory store shares nothing with other daemons,
// so its lock is its socket's.
func lockPath(state, backend, socket string) string {
	if backend == "memory" {
		return api.MemoryLock(filepath.Join(runtimeDir(socket), filepath.Base(socket)))
	}
	return filepath.Join(state, "lock")
}
