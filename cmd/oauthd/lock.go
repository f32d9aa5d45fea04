package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"oauthd/ipc/api"

	"github.com/gofrs/flock"
)

// lockPatience is how long a daemon waits for one that is on its way out.
const lockPatience = 3 * time.Second

// takeLock makes this process the one daemon, and writes into the lock file who that is and where it listens. Another
// daemon that answers is an error that names it.
func takeLock(ctx context.Context, path, socket string) (unlock func(), err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, lockProblem(path, err)
	}
	lock := flock.New(path, flock.SetFlag(os.O_CREATE|os.O_RDWR), flock.SetPermissions(0o600))
	ctx, cancel := context.WithTimeout(ctx, lockPatience)
	defer cancel()
	for {
		locked, err := lock.TryLock()
		if err != nil {
			return nil, lockProblem(path, err)
		}
		if locked {
			break
		}
		holder := readLock(path)
		if conn, err := net.Dial("unix", holder.Socket); err == nil {
			_ = conn.Close()
			return nil, &api.Error{
				Code:    api.AlreadyRunning,
				Message: fmt.Sprintf("a daemon already runs (pid %d, socket %s)", holder.PID, holder.Socket),
				Hint:    "use it, or end it with oauthd stop",
			}
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return nil, &api.Error{
				Code:    api.AlreadyRunning,
				Message: fmt.Sprintf("a daemon (pid %d) holds %s and does not answer on %s", holder.PID, path, holder.Socket),
				Hint:    fmt.Sprintf("wait for it to end, or end it: kill %d", holder.PID),
			}
		}
	}
	text, err := json.Marshal(api.LockFile{PID: os.Getpid(), Socket: socket})
	if err == nil {
		// In place: a client reads the file that is locked, and must not find another one under its name.
		err = os.WriteFile(path, append(text, '\n'), 0o600)
	}
	if err != nil {
		_ = lock.Close()
		return nil, lockProblem(path, err)
	}
	return func() {
		_ = os.Truncate(path, 0)
		_ = lock.Close()
	}, nil
}

func readLock(path string) (f api.LockFile) {
	if text, err := os.ReadFile(path); err == nil {
		_ = json.Unmarshal(text, &f) // a daemon that has just begun may not have written it
	}
	return f
}

func lockProblem(path string, err error) error {
	p := &api.Error{Code: api.ConfigInvalid, Message: "the lock " + path + " cannot be taken: " + err.Error(),
		Hint: "that directory must be yours and writable; XDG_STATE_HOME chooses another"}
	if errors.Is(err, context.Canceled) {
		return err
	}
	return p.Because(err)
}
