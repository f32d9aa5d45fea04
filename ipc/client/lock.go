package client

import (
	"io"
	"os"
	"path/filepath"
	"syscall"

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

// lockHolder reports whether a daemon holds the lock, and the socket it wrote there; "" if it has not yet.
func lockHolder(path string) (socket string, held bool) {
	file, held := readLock(path)
	if !held {
		return "", false
	}
	return file.Socket, true
}

// inUse reports whether a daemon holds the lock, or is just becoming another one: between the two the lock is free and
// still names the process, which has the socket all the time.
func inUse(path string) bool {
	file, held := readLock(path)
	if held || file.PID == 0 {
		return held
	}
	p, err := os.FindProcess(file.PID)
	if err != nil {
		return false
	}
	defer func() { _ = p.Release() }()
	return p.Signal(syscall.Signal(0)) == nil
}

// readLock returns what the lock file says, and whether a daemon holds it. What it says is zero while a daemon begins, and
// after its proper end. A lock that others could have made is none. A client that only looks leaves nothing behind.
func readLock(path string) (file api.LockFile, held bool) {
	if path == "" {
		return api.LockFile{}, false
	}
	dir, err := own.Open(filepath.Dir(path))
	if err != nil {
		return api.LockFile{}, false
	}
	defer dir.Close()
	f, err := dir.OpenFile(filepath.Base(path), os.O_RDONLY)
	if err != nil {
		return api.LockFile{}, false
	}
	defer f.Close()
	free, err := own.TryRLock(f)
	if err != nil {
		return api.LockFile{}, false
	}
	text, err := io.ReadAll(io.LimitReader(f, api.MaxLockFile+1))
	if err != nil {
		return api.LockFile{}, !free
	}
	file, _ = api.ParseLockFile(text) // zero with an error
	return file, !free
}
