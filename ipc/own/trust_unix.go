//go:build unix

package own

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// Ours reports whether a file belongs to this process's user.
func Ours(info fs.FileInfo) bool {
	uid, known := owner(info)
	return !known || uid == os.Geteuid()
}

// checkOwner refuses what belongs to anybody but us and root.
func checkOwner(path string, info fs.FileInfo) error {
	uid, known := owner(info)
	if !known || trusted(uid) {
		return nil
	}
	return &Refused{Path: path, Why: fmt.Sprintf("belongs to uid %d, not to you (uid %d)", uid, os.Geteuid())}
}

// checkWriters refuses what others than its owner may write to.
func checkWriters(path string, info fs.FileInfo) error {
	if !writableByOthers(info) {
		return nil
	}
	e := &Refused{Path: path, Why: fmt.Sprintf("can be written to by others (mode %04o)", info.Mode().Perm()), Hint: "chmod go-w " + path}
	if info.Mode()&fs.ModeSticky != 0 || !Ours(info) {
		e.Hint = "choose a place that only you can write to"
	}
	return e
}

// checkStep refuses what is not a directory that can be on the way.
func checkStep(path string, info fs.FileInfo) error {
	if !info.IsDir() {
		return &Refused{Path: path, Why: "is " + kindOrFile(info.Mode()) + ", not a directory"}
	}
	if err := checkOwner(path, info); err != nil {
		return err
	}
	if info.Mode()&fs.ModeSticky != 0 {
		return nil
	}
	return checkWriters(path, info)
}

// isLink reports whether what is on the way to a directory leads elsewhere.
func isLink(info fs.FileInfo) bool { return info.Mode()&fs.ModeSymlink != 0 }

// Private refuses a directory that is not ours, or whose mode is not 0700.
func (d *Dir) Private() error {
	info, err := d.root.Stat(".")
	if err != nil {
		return err
	}
	uid, known := owner(info)
	switch {
	case !known:
	case uid != os.Geteuid():
		return &Refused{Path: d.path, Why: fmt.Sprintf("belongs to uid %d, not to you (uid %d)", uid, os.Geteuid())}
	case info.Mode().Perm() != 0o700:
		return &Refused{Path: d.path, Why: fmt.Sprintf("has mode %#o and must have 0700", info.Mode().Perm()), Hint: "chmod 700 " + d.path}
	}
	return nil
}

// remove removes the file or link name from root.
func remove(root *os.Root, name string) error { return root.Remove(name) }

// owner returns the uid that a file belongs to; known is false on systems without uids.
func owner(info fs.FileInfo) (uid int, known bool) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return int(st.Uid), true
}

// trusted reports whether what belongs to uid is ours or the system's.
func trusted(uid int) bool { return uid == os.Geteuid() || uid == 0 }

// writableByOthers reports whether anybody but the owner may write: everybody, or a group that is not the owner's own.
func writableByOthers(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || info.Mode()&fs.ModeSymlink != 0 {
		return false
	}
	perm := info.Mode().Perm()
	return perm&0o002 != 0 || perm&0o020 != 0 && st.Gid != st.Uid
}
