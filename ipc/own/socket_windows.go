package own

import (
	"fmt"
	"strings"
)

const (
	pipeRoot = `\\.\pipe\`
	maxPipe  = 256 // bytes of the whole name
)

// ProveSocket refuses what is not the name of a pipe. A pipe is in no directory, so there is nothing else to prove: its
// owner and its access list are its own.
func ProveSocket(path string) error { return SocketFits(path) }

// SocketDir refuses path: a pipe is in no directory.
func SocketDir(path string) (*Dir, error) {
	return nil, &Refused{Path: path, Why: "is in no directory"}
}

// SocketFits refuses what is not the name of a pipe, or is too long for one.
func SocketFits(path string) error {
	name, ok := strings.CutPrefix(path, pipeRoot)
	switch {
	case !ok || name == "" || strings.ContainsAny(name, `\/`):
		return &Refused{Path: path, Why: "is not the name of a pipe, which is where the daemon listens on Windows"}
	case len(path) > maxPipe:
		return &Refused{Path: path, Why: fmt.Sprintf("has %d bytes, but the name of a pipe may have %d at most", len(path), maxPipe)}
	}
	return nil
}
