//go:build unix

package own

import (
	"errors"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

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

// TryLock locks f for as long as this process, or a child that has f, has it open (flock(2)). locked is false if another
// process holds it.
func TryLock(f *os.File) (locked bool, err error) { return try(f, unix.LOCK_EX) }

// TryRLock is [TryLock] for any number of readers at once.
func TryRLock(f *os.File) (locked bool, err error) { return try(f, unix.LOCK_SH) }

func try(f *os.File, how int) (locked bool, err error) {
	conn, err := f.SyscallConn()
	if err != nil {
		return false, err
	}
	if outer := conn.Control(func(fd uintptr) { err = unix.Flock(int(fd), how|unix.LOCK_NB) }); outer != nil {
		return false, outer
	}
	if errors.Is(err, unix.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}
