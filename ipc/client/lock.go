package client

import (
	"encoding/json"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"

	"oauthd/ipc/api"
)

// lockPath returns where a daemon's lock is, or "" if that cannot be known.
func lockPath(env api.Environment) string {
	dir, err := env.StateDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "lock")
}

// lockHolder reports whether a daemon holds the lock, and the socket it wrote there; "" when it has not yet.
func lockHolder(path string) (socket string, held bool) {
	if path == "" {
		return "", false
	}
	// Without O_CREATE: a client that only looks leaves nothing behind.
	l := flock.New(path, flock.SetFlag(os.O_RDONLY))
	free, err := l.TryRLock()
	_ = l.Close()
	if free || err != nil {
		return "", false
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return "", true
	}
	var f api.LockFile
	if json.Unmarshal(b, &f) != nil || !filepath.IsAbs(f.Socket) {
		return "", true
	}
	return f.Socket, true
}
