package client

import (
	"io"
	"os"
	"path/filepath"

	"oauthd/ipc/api"
	"oauthd/ipc/own"
)

// lockPath returns where a daemon's lock is, or "" if that cannot be known.
func lockPath(env api.Environment) string {
	dir, err := env.StateDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "lock")
}

// lockHolder reports whether a daemon holds the lock, and the socket it wrote there; "" if it has not yet. A lock that
// others could have made is none. A client that only looks leaves nothing behind.
func lockHolder(path string) (socket string, held bool) {
	if path == "" {
		return "", false
	}
	dir, err := own.Open(filepath.Dir(path))
	if err != nil {
		return "", false
	}
	defer dir.Close()
	f, err := dir.OpenFile(filepath.Base(path), os.O_RDONLY)
	if err != nil {
		return "", false
	}
	defer f.Close()
	if free, err := own.TryRLock(f); free || err != nil {
		return "", false
	}
	text, err := io.ReadAll(io.LimitReader(f, api.MaxLockFile+1))
	if err != nil {
		return "", true
	}
	holder, err := api.ParseLockFile(text)
	if err != nil {
		return "", true
	}
	return holder.Socket, true
}
