package audit

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"iter"
	"os"
	"strings"

	"oauthd/daemon/account"
	"oauthd/ipc/own"
)

// maxLine is how long a line may be, in bytes; a longer one is not ours.
const maxLine = 64 << 10

// waiting is how many events are held for a reader that follows the log.
const waiting = 256

// Wanted are the events that a reader wants.
type Wanted struct {
	account.AuditRequest
	// Fingerprint is that of the token in question; "" for any.
	Fingerprint string
}

// matches reports whether e is wanted.
func (w Wanted) matches(e account.AuditEvent) bool {
	if w.Account != "" && e.Account != w.Account || w.Fingerprint != "" && e.Fingerprint != w.Fingerprint {
		return false
	}
	at := e.At
	if e.Last != nil {
		at = *e.Last
	}
	if w.Since != nil && at.Before(*w.Since) {
		return false
	}
	return w.Caller == "" || e.Caller != nil && involves(*e.Caller, w.Caller)
}

// involves reports whether part is in what a caller is known by.
func involves(c account.Evidence, part string) bool {
	known := []string{c.App, c.Unit, c.Executable, c.Socket}
	for _, p := range c.Parents {
		known = append(known, p.Executable)
	}
	for _, text := range known {
		if strings.Contains(text, part) {
			return true
		}
	}
	return false
}

// Read returns the wanted events, the oldest first, and goes on with new ones until ctx ends if they are to be followed.
// Lines that cannot be read are left out.
func (l *Log) Read(ctx context.Context, w Wanted) iter.Seq2[account.AuditEvent, error] {
	return func(yield func(account.AuditEvent, error) bool) {
		if l.cfg.Dir == "" {
			return
		}
		l.Flush()
		var news chan account.AuditEvent
		if w.Follow {
			news = l.watch()
			defer l.unwatch(news)
		}
		for n := maxOld; n >= 0; n-- {
			if err := l.readFile(ctx, name(n), w, yield); err != nil {
				if !errors.Is(err, errEnough) {
					yield(account.AuditEvent{}, err)
				}
				return
			}
		}
		for w.Follow {
			select {
			case e, ok := <-news:
				if !ok || w.matches(e) && !yield(e, nil) {
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}
}

// errEnough ends a reading that nobody wants any more.
var errEnough = errors.New("audit: enough")

func (l *Log) readFile(ctx context.Context, name string, w Wanted, yield func(account.AuditEvent, error) bool) error {
	dir, err := own.Open(l.cfg.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer dir.Close()
	f, err := dir.OpenFile(name, os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	for line, err := range linesOf(f) {
		var e account.AuditEvent
		if err != nil {
			return err
		}
		if json.Unmarshal(line, &e) != nil || !w.matches(e) {
			continue
		}
		if ctx.Err() != nil || !yield(e, nil) {
			return errEnough
		}
	}
	return nil
}

// linesOf returns the lines of r but those that are too long to be ours. An error is the last element.
func linesOf(r io.Reader) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		in := bufio.NewReaderSize(r, maxLine)
		for tooLong := false; ; {
			line, err := in.ReadSlice('\n')
			switch {
			case errors.Is(err, bufio.ErrBufferFull):
				tooLong = true
				continue
			case err != nil && !errors.Is(err, io.EOF):
				yield(nil, err)
				return
			case !tooLong && len(line) > 0 && !yield(line, nil), err != nil:
				return
			}
			tooLong = false
		}
	}
}

// watch returns where new events come; the caller must unwatch it.
func (l *Log) watch() chan account.AuditEvent {
	w := make(chan account.AuditEvent, waiting)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		close(w)
	} else {
		l.watchers[w] = struct{}{}
	}
	return w
}

func (l *Log) unwatch(w chan account.AuditEvent) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.watchers, w)
}
