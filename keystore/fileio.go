package keystore

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"oauthd/ipc/own"
)

// partial ends the name of a file that is being written. It is the same each time, so that what a killed process left
// behind is found or overwritten, and no record's file ends in it.
const partial = ".partial"

// readFile reads a file that should not be larger than a record. Anything but a regular file of ours that nobody else
// may write to is [ErrDamaged].
func readFile(dir *own.Dir, name string) ([]byte, error) {
	data, err := dir.Read(name, maxSealed)
	var refused *own.Refused
	if errors.As(err, &refused) {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return data, err
}

// replaceFile puts data in place of the file, 0600. After an error the file is the old or the new one, whole.
func replaceFile(dir *own.Dir, name string, data []byte) error {
	next := name + partial
	if err := writeFile(dir, next, data); err != nil {
		_ = dir.Remove(next) // it takes room on a disk that may be full
		return err
	}
	if err := dir.Rename(next, name); err != nil {
		_ = dir.Remove(next)
		return err
	}
	return dir.Sync()
}

// placeFile finishes what replaceFile began in a process that was killed.
func placeFile(dir *own.Dir, name string) error {
	file, err := dir.OpenFile(name+partial, os.O_RDWR)
	if err != nil {
		return err
	}
	if err := errors.Join(file.Sync(), file.Close()); err != nil {
		return err
	}
	if err := dir.Rename(name+partial, name); err != nil {
		return err
	}
	return dir.Sync()
}

// writeFile writes a new file, syncs it to the disk and reads it back.
func writeFile(dir *own.Dir, name string, data []byte) (err error) {
	if err := dir.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	file, err := dir.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if _, err := file.Write(data); err != nil {
		return err
	}
	if err := file.Sync(); err != nil {
		return err
	}
	kept := make([]byte, len(data))
	if _, err := file.ReadAt(kept, 0); err != nil {
		return fmt.Errorf("read back: %w", err)
	}
	if !bytes.Equal(kept, data) {
		return fmt.Errorf("%w: the disk did not keep what was written", ErrUnavailable)
	}
	return nil
}

// removeFile removes the file, and what a killed process may have left of a new one. No file is no error.
func removeFile(dir *own.Dir, name string) error {
	for _, n := range []string{name + partial, name} {
		if err := dir.Remove(n); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return dir.Sync()
}

// fileError wraps an error of the file system in its sentinel, unless it has one.
func fileError(err error) error {
	switch {
	case err == nil, errors.Is(err, ErrDamaged), errors.Is(err, ErrUnavailable), errors.Is(err, ErrFull):
		return err
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("%w: %w", ErrFull, err)
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}
