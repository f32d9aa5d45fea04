package main

import (
	"os"
	"path/filepath"
	"sync"
)

// maxLog is the size in bytes at which the log starts anew; the one before is kept beside it.
const maxLog = 1 << 20

// cappedFile is a log file that never takes more than twice maxLog on disk.
type cappedFile struct {
	path string

	mu   sync.Mutex // guards the fields below
	file *os.File
	size int64
}

func openCapped(path string) (*cappedFile, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	c := &cappedFile{path: path}
	return c, c.openLocked()
}

func (c *cappedFile) openLocked() error {
	f, err := os.OpenFile(c.path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		_ = f.Close()
		return err
	}
	c.file, c.size = f, info.Size()
	return nil
}

func (c *cappedFile) Write(line []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.size+int64(len(line)) > maxLog {
		_ = c.file.Close()
		if err := os.Rename(c.path, c.path+".1"); err != nil {
			return 0, err
		}
		if err := c.openLocked(); err != nil {
			return 0, err
		}
	}
	n, err := c.file.Write(line)
	c.size += int64(n)
	return n, err
}

func (c *cappedFile) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.file.Close()
}
