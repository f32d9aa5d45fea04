package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"github.com/rs/zerolog"

	"oauthd/cmd/oauthd/screen"
	"oauthd/ipc/own"
)

// maxLog is the size in bytes at which the log starts anew; the one before is kept beside it.
const maxLog = 1 << 20

// cappedFile is a log file that never takes more than twice maxLog on disk.
type cappedFile struct {
	dir  *own.Dir
	name string

	mu   sync.Mutex // guards the fields below
	file *os.File
	size int64
}

// openCapped opens the log at path. Its directory is made if it is missing, and must be one where nobody else can put a
// file in its place.
func openCapped(path string) (*cappedFile, error) {
	dir, err := own.Make(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	c := &cappedFile{dir: dir, name: filepath.Base(path)}
	if err := c.openLocked(); err != nil {
		_ = dir.Close()
		return nil, err
	}
	return c, nil
}

func (c *cappedFile) openLocked() error {
	f, err := c.dir.OpenFile(c.name, os.O_CREATE|os.O_WRONLY|os.O_APPEND)
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
		if err := c.dir.Rename(c.name, c.name+".1"); err != nil {
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
	_ = c.dir.Close()
	return c.file.Close()
}

// openLog returns the daemon's log: the file that a client gave, else standard error, as text on a terminal.
func openLog(std stdio, o serveOptions) (log zerolog.Logger, closeLog func(), err error) {
	level, err := zerolog.ParseLevel(o.logLevel)
	if err != nil || o.logLevel == "" {
		return log, nil, badRequest(fmt.Sprintf("there is no log level %q", o.logLevel), "--log-level is debug, info, warn or error")
	}
	var w io.Writer = escaped{screen.Raw(std.err)}
	closeLog = func() {}
	switch {
	case o.logFile != "":
		f, err := openCapped(o.logFile)
		if err != nil {
			return log, nil, placeProblem("the log cannot be written", err, "choose another place for it")
		}
		w, closeLog = escaped{f}, func() { _ = f.Close() }
	case screen.IsTerminal(std.err):
		w = consoleLog(screen.Raw(std.err))
	}
	return zerolog.New(w).Level(level).With().Timestamp().Logger(), closeLog, nil
}
