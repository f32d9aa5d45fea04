package main

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"strings"
	"time"

	"oauthd/ipc/api"
	"oauthd/ipc/own"
)

const (
	emulationDirs = "emulate" // beneath the runtime directory
	// emulationLock ends the name of a file beside each directory that is locked for as long as the directory is in use.
	emulationLock = ".lock"
	// lockingTime is more than passes between the making of that file and its locking.
	lockingTime = time.Minute
)

// emulationDir is a directory for what CMD saves while it is served, such as gcloud's copies of tokens.
type emulationDir struct {
	parent *own.Dir
	name   string
	lock   *os.File
}

// makeEmulationDir makes one, and removes those that were left by processes that were killed.
func makeEmulationDir(env api.Environment) (*emulationDir, error) {
	runtime, err := filepath.Abs(runtimeDir(env.SocketPath()))
	if err != nil {
		return nil, err
	}
	parent, err := own.Make(filepath.Join(runtime, emulationDirs))
	if err != nil {
		return nil, err
	}
	sweepEmulationDirs(parent)
	d := &emulationDir{parent: parent, name: rand.Text()}
	if d.lock, err = parent.OpenFile(d.name+emulationLock, os.O_CREATE|os.O_RDWR|os.O_EXCL); err != nil {
		_ = parent.Close()
		return nil, err
	}
	var inner *own.Dir
	if _, err = own.TryLock(d.lock); err == nil {
		inner, err = parent.Make(d.name)
	}
	if err != nil {
		d.remove()
		return nil, err
	}
	return d, inner.Close()
}

// path returns the directory's path.
func (d *emulationDir) path() string { return d.parent.Path(d.name) }

// release gives up this process's part in the lock; a child may have one still.
func (d *emulationDir) release() {
	_ = d.lock.Close()
	_ = d.parent.Close()
}

// remove removes the directory with all that is in it.
func (d *emulationDir) remove() {
	_ = d.parent.RemoveAll(d.name)
	_ = d.lock.Close()
	_ = d.parent.Remove(d.name + emulationLock)
	_ = d.parent.Close()
}

// sweepEmulationDirs removes the directories that nobody uses any more.
func sweepEmulationDirs(parent *own.Dir) {
	entries, err := parent.Entries()
	if err != nil {
		return
	}
	for _, entry := range entries {
		name, ok := strings.CutSuffix(entry.Name(), emulationLock)
		info, err := entry.Info()
		if !ok || err != nil || time.Since(info.ModTime()) < lockingTime {
			continue
		}
		lock, err := parent.OpenFile(entry.Name(), os.O_RDWR)
		if err != nil {
			continue
		}
		free, _ := own.TryLock(lock)
		if free {
			_ = parent.RemoveAll(name)
		}
		_ = lock.Close()
		if free {
			_ = parent.Remove(entry.Name())
		}
	}
}
