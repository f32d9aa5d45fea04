// Package audit writes down who got what and when: JSON lines that are only ever appended, and never a token or a secret.
// What one caller repeats within a minute is one more line with a count, so that a hot loop costs neither time nor disk. A
// token is known there by its fingerprint, which nobody can check without the key in the store.
package audit

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"oauthd/daemon/account"
	"oauthd/ipc/own"
)

// File is the name of the log; older ones have a number behind it, from 1 for the newest.
const File = "audit.jsonl"

const (
	// again is for how long repeats are counted instead of written.
	again = time.Minute
	// maxSize is how large the log becomes before it is put aside, in bytes, maxAge how old its first line, and maxOld how
	// many are kept aside.
	maxSize = 8 << 20
	maxAge  = 30 * 24 * time.Hour
	maxOld  = 4
	// maxRepeats bounds how many different events are counted at once. Beyond it, each is written, but refusals, of which a
	// program can cause as many as it likes: those of an account are counted as one.
	maxRepeats = 4096
	// maxRefused bounds how many refusals are written by what was asked for.
	maxRefused = 64
)

// Config is what a Log is made of.
type Config struct {
	// Dir is the directory of the log; "" for a log that is not written.
	Dir string
	// Now is the wall clock.
	Now func() time.Time
	// Failed is called with what prevents the log from being written, and with nil once it is written again. It must not call
	// the log.
	Failed func(error)
}

// Key says which events are the same. It has no text of a stranger's beyond what a request may have.
type Key struct {
	Event, Account, Scope, Audience, Resource, Rule, Outcome string
	// Line is the line of the rule, if Rule is a file.
	Line int
	// PID and Start name the caller, Through the process of ours that asked for it.
	PID, Through int
	Start        uint64
	// Method, URL and Status are those of a proxy's request.
	Method, URL string
	Status      int
	// Token is a hash of the access token, 0 for none.
	Token uint64
}

// by returns k with what distinguishes e from other callers.
func (k Key) by(e account.Evidence) Key {
	k.PID, k.Start = e.PID, e.Start
	if e.Through != nil {
		k.Through = e.Through.PID
	}
	return k
}

// Log is an audit log. It is safe for concurrent use.
type Log struct {
	cfg Config

	mu       sync.Mutex // guards the fields below
	dir      *own.Dir
	file     *os.File
	opened   os.FileInfo // what file is
	size     int64
	began    time.Time // of the first line
	failing  bool
	repeats  map[Key]*repeat
	refused  int       // how many of them are refusals
	due      time.Time // when the first of them is over
	timer    *time.Timer
	closed   bool
	watchers map[chan account.AuditEvent]struct{}
}

// repeat is an event that was written, and how often it has happened since.
type repeat struct {
	event account.AuditEvent
	until time.Time
	count int
	last  time.Time
}

// New returns a Log. Its file is opened when there is something to write.
func New(cfg Config) *Log {
	if cfg.Failed == nil {
		cfg.Failed = func(error) {}
	}
	return &Log{cfg: cfg, repeats: map[Key]*repeat{}, watchers: map[chan account.AuditEvent]struct{}{}}
}

// Note writes what describe returns, unless the same was written within the last minute, and then it is counted. The
// error says that the line could not be written.
func (l *Log) Note(k Key, describe func() account.AuditEvent) error {
	if l.cfg.Dir == "" {
		return nil
	}
	now := l.cfg.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	if k.Event == account.AuditDenied && l.repeats[k] == nil && l.refused >= maxRefused {
		k = Key{Event: k.Event, Account: k.Account}
	}
	if r := l.repeats[k]; r != nil && now.Before(r.until) {
		r.count++
		r.last = now
		l.flushLaterLocked()
		return nil
	}
	e := describe()
	e.At = now.UTC().Truncate(time.Millisecond)
	l.settleLocked(now, false) // the counts of earlier ones come first
	if err := l.writeLocked(e); err != nil {
		return err
	}
	if len(l.repeats) < maxRepeats {
		l.repeats[k] = &repeat{event: e, until: now.Add(again)}
		if k.Event == account.AuditDenied {
			l.refused++
		}
		if l.due.IsZero() {
			l.due = now.Add(again)
		}
	}
	return nil
}

// flushLaterLocked has the counts written once they are over. Nothing wakes up while nothing is repeated.
func (l *Log) flushLaterLocked() {
	if l.timer == nil && !l.closed {
		l.timer = time.AfterFunc(again, func() {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.timer = nil
			l.settleLocked(l.cfg.Now(), false)
			for _, r := range l.repeats {
				if r.count > 0 {
					l.flushLaterLocked()
					return
				}
			}
		})
	}
}

// settleLocked writes the counts of what is over, or of everything, and forgets it.
func (l *Log) settleLocked(now time.Time, all bool) {
	if !all && now.Before(l.due) {
		return
	}
	l.due = time.Time{}
	for k, r := range l.repeats {
		if all || !now.Before(r.until) {
			l.endLocked(r)
			delete(l.repeats, k)
			if k.Event == account.AuditDenied {
				l.refused--
			}
		} else if l.due.IsZero() || r.until.Before(l.due) {
			l.due = r.until
		}
	}
}

// endLocked writes the count of r.
func (l *Log) endLocked(r *repeat) {
	if r.count == 0 {
		return
	}
	e := r.event
	last := r.last.UTC().Truncate(time.Millisecond)
	e.Repeats, e.Last = r.count, &last
	r.count = 0
	_ = l.writeLocked(e) // Failed was told
}

// Flush writes the counts of what was repeated.
func (l *Log) Flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.settleLocked(l.cfg.Now(), true)
}

// Close writes what is left and closes the file. Nothing may be written after it.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.settleLocked(l.cfg.Now(), true)
	l.closed = true
	if l.timer != nil {
		l.timer.Stop()
	}
	for w := range l.watchers {
		close(w)
	}
	clear(l.watchers)
	return l.closeFileLocked()
}

func (l *Log) closeFileLocked() error {
	if l.file == nil {
		return nil
	}
	err := errors.Join(l.file.Close(), l.dir.Close())
	l.file, l.dir = nil, nil
	return err
}

// writeLocked appends one line, in one write.
func (l *Log) writeLocked(e account.AuditEvent) error {
	err := l.appendLocked(e)
	if err != nil {
		err = fmt.Errorf("audit: %w", err)
	}
	if failing := err != nil; failing != l.failing {
		l.failing = failing
		l.cfg.Failed(err)
	}
	if err == nil {
		for w := range l.watchers {
			select {
			case w <- e:
			default: // a watcher that does not keep up misses lines; they are in the file
			}
		}
	}
	return err
}

func (l *Log) appendLocked(e account.AuditEvent) error {
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	if len(line) >= maxLine { // only a caller that means to spoil the log has such names
		if line, err = json.Marshal(shortened(e)); err != nil {
			return err
		}
	}
	line = append(line, '\n')
	if l.closed {
		return fs.ErrClosed
	}
	if err := l.readyLocked(e.At, len(line)); err != nil {
		return err
	}
	n, err := l.file.Write(line)
	l.size += int64(n)
	if err != nil && n > 0 {
		// Half a line would spoil the next one.
		if l.file.Truncate(l.size-int64(n)) == nil {
			l.size -= int64(n)
		}
	}
	return err
}

// shortened returns e with no more than the beginnings of its texts, and without the caller's parents.
func shortened(e account.AuditEvent) account.AuditEvent {
	for _, text := range []*string{&e.Scope, &e.Audience, &e.Resource, &e.Rule, &e.Detail, &e.Method, &e.URL} {
		*text = account.Excerpt(*text)
	}
	if e.Caller == nil {
		return e
	}
	c := *e.Caller
	c.Parents = nil
	for _, text := range []*string{&c.App, &c.Unit, &c.Executable, &c.Socket} {
		*text = account.Excerpt(*text)
	}
	for _, p := range []**account.Process{&c.Origin, &c.Through} {
		if *p != nil {
			*p = &account.Process{PID: (*p).PID, Executable: account.Excerpt((*p).Executable), Start: (*p).Start}
		}
	}
	e.Caller = &c
	return e
}

// readyLocked opens the file, and puts it aside first if it is too large or too old.
func (l *Log) readyLocked(now time.Time, more int) error {
	if l.file != nil && !l.inPlaceLocked() {
		_ = l.closeFileLocked() // nobody would find what is written there
	}
	if l.file == nil {
		if err := l.openLocked(); err != nil {
			return err
		}
	}
	if l.size == 0 {
		l.began = now
	}
	if l.size+int64(more) <= maxSize && now.Sub(l.began) < maxAge || l.size == 0 {
		return nil
	}
	for n := maxOld - 1; n >= 0; n-- {
		if err := l.dir.Rename(name(n), name(n+1)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if err := l.closeFileLocked(); err != nil {
		return err
	}
	l.began = now
	return l.openLocked()
}

// inPlaceLocked reports whether the open file is still the one that readers of the log find.
func (l *Log) inPlaceLocked() bool {
	found, err := os.Lstat(filepath.Join(l.cfg.Dir, File))
	return err == nil && os.SameFile(l.opened, found)
}

// name is that of the n-th newest file.
func name(n int) string {
	if n == 0 {
		return File
	}
	return File + "." + strconv.Itoa(n)
}

func (l *Log) openLocked() error {
	dir, err := own.Make(l.cfg.Dir)
	if err != nil {
		return err
	}
	file, err := dir.OpenFile(File, os.O_RDWR|os.O_CREATE|os.O_APPEND)
	if err != nil {
		return errors.Join(err, dir.Close())
	}
	size, err := file.Seek(0, io.SeekEnd)
	opened, unknown := file.Stat()
	if err := errors.Join(err, unknown); err != nil {
		return errors.Join(err, file.Close(), dir.Close())
	}
	last := []byte{'\n'}
	if size > 0 {
		_, err = file.ReadAt(last, size-1)
	}
	if err == nil && last[0] != '\n' { // a daemon was killed while it wrote
		if _, err = file.Write([]byte{'\n'}); err == nil {
			size++
		}
	}
	if err != nil {
		return errors.Join(err, file.Close(), dir.Close())
	}
	l.dir, l.file, l.opened, l.size = dir, file, opened, size
	var first account.AuditEvent
	if size > 0 && json.NewDecoder(io.NewSectionReader(file, 0, maxLine)).Decode(&first) == nil {
		l.began = first.At
	}
	return nil
}
