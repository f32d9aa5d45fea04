package keystore

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
)

// partial is the end of the name of a file that is being written. It is the same each time, so that what a killed
// process left behind is found or overwritten, and no record ends in it.
const partial = ".partial"

// readFile reads a file that cannot rightly be larger than a record.
func readFile(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxSealed+1))
	if err == nil && len(data) > maxSealed {
		err = fmt.Errorf("%w: it has more than %d bytes", ErrDamaged, maxSealed)
	}
	return data, err
}

// replaceFile puts data in place of the file, 0600. After an error the file is the old or the new one, whole.
func replaceFile(path string, data []byte) error {
	next := path + partial
	if err := writeFile(next, data); err != nil {
		_ = os.Remove(next) // it takes room on a disk that may be full
		return err
	}
	if err := os.Rename(next, path); err != nil {
		_ = os.Remove(next)
		return err
	}
	return syncDir(filepath.Dir(path))
}

// placeFile finishes what replaceFile began in a process that was killed.
func placeFile(path string) error {
	file, err := os.OpenFile(path+partial, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	if err := errors.Join(file.Sync(), file.Close()); err != nil {
		return err
	}
	if err := os.Rename(path+partial, path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// writeFile makes a new file, brings it to the disk and reads it back.
func writeFile(path string, data []byte) (err error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
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
func removeFile(path string) error {
	for _, p := range []string{path + partial, path} {
		if err := os.Remove(p); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return syncDir(filepath.Dir(path))
}

// syncDir makes names that came or went last.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" { // a directory cannot be synced there
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// fileError gives an error of the file system its sentinel; one that has one keeps it.
func fileError(err error) error {
	switch {
	case err == nil, errors.Is(err, ErrDamaged), errors.Is(err, ErrUnavailable), errors.Is(err, ErrFull):
		return err
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("%w: %w", ErrFull, err)
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}
