//go:build unix

package own

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

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
