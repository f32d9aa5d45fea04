package book

import (
	"encoding/json"
	"io/fs"
	"path/filepath"
	"sync"
	"time"

	"oauthd/ipc/own"
)

// ledger remembers, in files of its own beside the store, which accounts have a credential there: so that one that
// vanished behind the daemon's back can be told from a logout. It holds dates alone, and nothing depends on it: what
// cannot be read or written is as if nothing had been remembered.
type ledger struct {
	dir string // "" remembers nothing
	now func() time.Time

	mu    sync.Mutex // guards noted
	noted map[string]bool
}

// page is what is remembered of one account.
type page struct {
	// StoredAt is when the credential was first seen in the store.
	StoredAt time.Time `json:"stored_at"`
	// MissingSince is when it was first missed there; zero if it is not missing.
	MissingSince time.Time `json:"missing_since,omitzero"`
}

// mostPage is how long a page may be, in bytes.
const mostPage = 4096

// stored notes that the store has name's credential.
func (l *ledger) stored(name string) {
	l.mu.Lock()
	known := l.noted[name]
	if l.noted == nil {
		l.noted = map[string]bool{}
	}
	l.noted[name] = true
	l.mu.Unlock()
	if known || l.dir == "" {
		return
	}
	dir, err := own.Make(filepath.Join(l.dir, "logins"))
	if err != nil {
		return
	}
	defer dir.Close()
	if p, err := read(dir, name); err != nil || !p.MissingSince.IsZero() {
		write(dir, name, page{StoredAt: l.stamp()})
	}
}

// forgotten notes that name has no credential any more, and is not to have one.
func (l *ledger) forgotten(name string) {
	l.forget(name)
	if l.dir == "" {
		return
	}
	dir, err := own.Open(filepath.Join(l.dir, "logins"))
	if err != nil {
		return
	}
	defer dir.Close()
	_ = dir.Remove(name + ".json")
}

// missing notes that the store has no credential of name, and returns since when one that it had has been missing; zero
// if it had none.
func (l *ledger) missing(name string) (since time.Time) {
	l.forget(name)
	if l.dir == "" {
		return since
	}
	dir, err := own.Open(filepath.Join(l.dir, "logins"))
	if err != nil {
		return since
	}
	defer dir.Close()
	p, err := read(dir, name)
	if err != nil {
		return since
	}
	if p.MissingSince.IsZero() {
		p.MissingSince = l.stamp()
		write(dir, name, p)
	}
	return p.MissingSince
}

// has reports whether name had a credential when the store was last asked.
func (l *ledger) has(name string) bool {
	l.mu.Lock()
	known := l.noted[name]
	l.mu.Unlock()
	if known || l.dir == "" {
		return known
	}
	dir, err := own.Open(filepath.Join(l.dir, "logins"))
	if err != nil {
		return false
	}
	defer dir.Close()
	p, err := read(dir, name)
	return err == nil && p.MissingSince.IsZero()
}

func (l *ledger) forget(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.noted, name)
}

func (l *ledger) stamp() time.Time { return l.now().UTC().Truncate(time.Second) }

func read(dir *own.Dir, name string) (p page, err error) {
	text, err := dir.Read(name+".json", mostPage)
	if err != nil {
		return p, err
	}
	if err := json.Unmarshal(text, &p); err != nil {
		return p, err
	}
	if p.StoredAt.IsZero() {
		return p, fs.ErrInvalid
	}
	return p, nil
}

func write(dir *own.Dir, name string, p page) {
	if text, err := json.Marshal(p); err == nil {
		_ = dir.Replace(name+".json", append(text, '\n'))
	}
}
