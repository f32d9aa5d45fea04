package own

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// TryLock locks f for as long as this process has it open. locked is false if another process holds it.
func TryLock(f *os.File) (locked bool, err error) { return try(f, windows.LOCKFILE_EXCLUSIVE_LOCK) }

// TryRLock is [TryLock] for any number of readers at once.
func TryRLock(f *os.File) (locked bool, err error) { return try(f, 0) }

// lockedAt is far behind what is in a lock file, because nobody else may read what is locked.
const lockedAt = 1 << 30

func try(f *os.File, how uint32) (locked bool, err error) {
	err = windows.LockFileEx(windows.Handle(f.Fd()), how|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &windows.Overlapped{Offset: lockedAt})
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) || errors.Is(err, windows.ERROR_IO_PENDING) {
		return false, nil
	}
	return err == nil, err
}
