package client

import (
	"encoding/json"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"

	"oauthd/ipc/api"
)

func lockPath(env api.Environment) string { return filepath.Join(env.StateDir(), "lock") }

// lockHolder reports whether a daemon holds the lock, and the socket it wrote there; "" when it has not yet.
func lockHolder(path string) (socket string, held bool) {
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
