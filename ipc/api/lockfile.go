package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"path/filepath"
)

// LockFile is the content of the lock file: who holds the lock, and where it listens.
type LockFile struct {
	PID    int    `json:"pid"`
	Socket string `json:"socket"`
}

// MaxLockFile is how many bytes a lock file may have.
const MaxLockFile = 8 << 10

// ParseLockFile reads the content of a lock file as a stranger's: the pid must be one, and the socket, which may be "",
// an absolute path of printable characters. The error quotes nothing.
func ParseLockFile(data []byte) (LockFile, error) {
	var f LockFile
	if len(data) > MaxLockFile || json.Unmarshal(bytes.TrimSpace(data), &f) != nil {
		return LockFile{}, errors.New("the lock file is damaged")
	}
	if f.PID <= 0 || f.PID > math.MaxInt32 {
		return LockFile{}, errors.New("the lock file holds no pid")
	}
	if f.Socket != "" && (!filepath.IsAbs(f.Socket) || Printable(f.Socket) != f.Socket) {
		return LockFile{}, errors.New("the lock file holds no path of a socket")
	}
	return f, nil
}
