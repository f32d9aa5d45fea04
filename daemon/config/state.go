package config

import (
	"errors"
	"io/fs"
	"os"
	"time"

	"oauthd/ipc/own"
)

// maxFile is how long a configuration file may be.
const maxFile = 1 << 20

// state is what changes when a file does. The zero state is that of a file that does not exist.
type state struct {
	kind         fs.FileMode // the type bits; a file that cannot be looked at is irregular
	size         int64
	mtime, ctime int64  // in nanoseconds; ctime is 0 if the system has none
	inode        uint64 // 0 if the system has none
}

// stateAt returns the state of the file at path, which may be a link to it.
func stateAt(path string) state {
	info, err := os.Stat(path)
	return stateOf(info, err)
}

func stateOf(info fs.FileInfo, err error) state {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return state{}
	case err != nil:
		return state{kind: fs.ModeIrregular}
	}
	s := state{kind: info.Mode().Type(), size: info.Size(), mtime: info.ModTime().UnixNano()}
	s.ctime, s.inode = changeOf(info)
	return s
}

// settled reports whether a write after now is sure to show in the state. File systems stamp files with a clock that
// ticks every few milliseconds, older ones every one or two seconds.
func (s state) settled(now time.Time) bool {
	tick := 20 * time.Millisecond
	if s.mtime%int64(time.Second) == 0 && s.ctime%int64(time.Second) == 0 {
		tick = 2 * time.Second
	}
	return now.UnixNano()-max(s.mtime, s.ctime) > int64(tick)
}

// snapshot is a file as it was read.
type snapshot struct {
	state state
	// known is true if nothing can have changed as long as the state is the same.
	known bool
}

// current reports whether a file that is in state now need not be read again.
func (s snapshot) current(now state) bool { return s.known && s.state == now }

// readFile returns what the file at path says. It is the one place that opens a configuration file. A file that does
// not exist is an fs.ErrNotExist, and known.
func readFile(path string) ([]byte, snapshot, error) {
	start := time.Now() // of the clock that stamps files
	file, err := own.OpenNamed(path, maxFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, snapshot{known: true}, fs.ErrNotExist
	case err != nil:
		return nil, snapshot{}, err
	}
	s := stateOf(file.Info, nil) // from before the reading, so that a write in the meantime shows
	text, err := own.Text(file.Data)
	return text, snapshot{s, s.settled(start)}, err
}
