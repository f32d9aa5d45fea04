//go:build !windows

package own

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// SocketDir makes, proves and opens the directory of the socket path, which must be ours, mode 0700, and not a link. A
// directory of the system's in /run/user is never made: logind makes them, and takes them away.
func SocketDir(path string) (*Dir, error) {
	if !filepath.IsAbs(path) {
		return nil, &Refused{Path: path, Why: "is not an absolute path"}
	}
	if err := SocketFits(path); err != nil {
		return nil, err
	}
	dir := filepath.Dir(path)
	if below, ok := strings.CutPrefix(dir, "/run/user/"); ok {
		uid, _, _ := strings.Cut(below, "/")
		if _, err := os.Lstat("/run/user/" + uid); err != nil {
			return nil, err
		}
	}
	d, err := Make(dir)
	if err != nil {
		return nil, err
	}
	if info, err := os.Lstat(dir); err != nil || info.Mode()&fs.ModeSymlink != 0 {
		_ = d.Close()
		return nil, &Refused{Path: dir, Why: "is a symbolic link"}
	}
	if err := d.Private(); err != nil {
		_ = d.Close()
		return nil, err
	}
	return d, nil
}

// ProveSocket makes and proves the directory of the socket path, as [SocketDir] does.
func ProveSocket(path string) error {
	dir, err := SocketDir(path)
	if err != nil {
		return err
	}
	return dir.Close()
}

// SocketFits refuses a path that is too long for a socket.
func SocketFits(path string) error {
	if limit := len(syscall.RawSockaddrUnix{}.Path) - 1; len(path) > limit {
		return &Refused{Path: path, Why: fmt.Sprintf("has %d bytes, but the path of a socket may have %d at most", len(path), limit),
			Hint: "choose a shorter one: set XDG_RUNTIME_DIR, or OAUTHD_SOCK to the socket itself"}
	}
	return nil
}
