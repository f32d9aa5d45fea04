package config

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"

	"oauthd/daemon/account"
	"oauthd/daemon/provider"
	"oauthd/ipc/own"
)

// Reader reads the configuration in one directory again and again. Each look lists accounts/ once and reads only the
// files that changed since the last look, judging by size, times and inode, and those whose provider's table in config.toml
// changed. If a file becomes wrong or unreadable, what it said before stays.
//
// A Reader may be used concurrently. There is one look at a time, and all callers that ask while it goes on share the next
// one. No method changes a Config that it returned before.
type Reader struct {
	dir   string
	turn  chan struct{} // has room for one element; the one that put it there may look, and use the fields below
	looks atomic.Uint64 // begun
	whole bool          // the last look came to its end
	found *Config       // what the last whole look found, and what was saved since
}

// NewReader returns a Reader of the configuration in dir. It starts from what an earlier Reader of dir found, or from
// nothing if that is nil.
func NewReader(dir string, from *Config) *Reader {
	if from == nil || from.dir != dir {
		from = &Config{
			Backend:   defaultBackend,
			Providers: map[string]provider.Provider{},
			Accounts:  map[string]*account.Account{},
			files:     map[string]*accountFile{},
			dir:       dir,
		}
	}
	return &Reader{dir: dir, turn: make(chan struct{}, 1), found: from}
}

// Read returns what the files say now: everything that changed before the call is in the result. If nothing changed, it
// is the same Config as before. What is wrong in the files is [Config.Err]; an error of Read itself is ctx's.
func (r *Reader) Read(ctx context.Context) (*Config, error) {
	return r.read(ctx, r.looks.Load())
}

// read is Read by a caller that asked when that many looks had begun.
func (r *Reader) read(ctx context.Context, asked uint64) (*Config, error) {
	if err := r.take(ctx); err != nil {
		return nil, err
	}
	defer r.give()
	if r.looks.Load() > asked && r.whole { // a look that began after the call
		return r.found, nil
	}
	return r.look(ctx)
}

// ReadAccount returns the configuration with what changed in the file of the account of that name. It looks at no other
// account, unless config.toml changed.
func (r *Reader) ReadAccount(ctx context.Context, name string) (*Config, error) {
	return r.edit(ctx, name, func() error { return nil })
}

// Save writes a's file and returns the configuration with it. It looks at no other account, unless config.toml changed. The
// caller must have made sure that an existing file is not a person's. After an error nothing has changed.
func (r *Reader) Save(ctx context.Context, a account.Account) (*Config, error) {
	return r.edit(ctx, a.Name, func() error {
		_, err := writeAccount(r.dir, a)
		return err
	})
}

// Remove removes the file of the account of that name, if there is one, and returns the configuration without it. It looks
// at no other account, unless config.toml changed.
func (r *Reader) Remove(ctx context.Context, name string) (*Config, error) {
	return r.edit(ctx, name, func() error { return removeAccount(r.dir, name) })
}

// edit changes one account's file and takes the change in.
func (r *Reader) edit(ctx context.Context, name string, change func() error) (*Config, error) {
	if err := r.take(ctx); err != nil {
		return nil, err
	}
	defer r.give()
	if err := change(); err != nil {
		return nil, err
	}
	if !r.found.main.current(stateAt(MainFile(r.dir))) {
		return r.look(context.WithoutCancel(ctx))
	}
	d := draft{base: r.found}
	d.takeIn(name)
	r.found = d.finish()
	return r.found, nil
}

func (r *Reader) take(ctx context.Context) error {
	select {
	case r.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (r *Reader) give() { <-r.turn }

// look compares every file with what was read of it. The caller has the turn.
func (r *Reader) look(ctx context.Context) (*Config, error) {
	r.looks.Add(1)
	r.whole = false
	d := draft{base: r.found}
	tables := d.takeInMain()
	entries, err := list(filepath.Join(r.dir, "accounts"))
	if d.listed(err); err == nil {
		seen := 0
		for _, entry := range entries {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			name, ok := nameOf(entry)
			if !ok {
				continue
			}
			seen++
			if f := d.config().files[name]; f == nil || tables[f.provider] || !f.current(r.stateOf(entry)) {
				d.takeIn(name)
			}
		}
		if seen != len(d.config().files) {
			d.keepOnly(entries)
		}
	}
	r.found, r.whole = d.finish(), true
	return r.found, nil
}

// list returns what is in a directory that is proven to be ours; a missing one is empty.
func list(path string) ([]fs.DirEntry, error) {
	dir, err := own.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	return dir.Entries()
}

// nameOf returns the name before .toml of an account's file; ok is false for other files.
func nameOf(entry fs.DirEntry) (name string, ok bool) {
	name, ok = strings.CutSuffix(entry.Name(), ".toml")
	return name, ok && !strings.HasPrefix(name, ".")
}

// stateOf returns the state of a file in accounts/; a link is followed.
func (r *Reader) stateOf(entry fs.DirEntry) state {
	if entry.Type()&fs.ModeSymlink != 0 {
		return stateAt(filepath.Join(r.dir, "accounts", entry.Name()))
	}
	return stateOf(entry.Info())
}

// draft is a configuration in the making: base as long as nothing has changed, then a copy.
type draft struct {
	base, next *Config
}

func (d *draft) config() *Config {
	if d.next != nil {
		return d.next
	}
	return d.base
}

// change returns the copy, to be changed.
func (d *draft) change() *Config {
	if d.next == nil {
		c := *d.base
		c.Accounts, c.files = maps.Clone(c.Accounts), maps.Clone(c.files)
		c.edition++
		d.next = &c
	}
	return d.next
}

// takeInMain reads config.toml if it changed, and returns the names of the providers whose tables did.
func (d *draft) takeInMain() map[string]bool {
	if d.base.main.current(stateAt(MainFile(d.base.dir))) {
		return nil
	}
	return d.change().readMain()
}

// takeIn reads one account's file. If it is wrong, the account stays as it was.
func (d *draft) takeIn(name string) {
	c := d.change()
	f, a := c.readAccount(name)
	if f == nil {
		delete(c.files, name)
		delete(c.Accounts, name)
		return
	}
	c.files[name] = f
	if a != nil && !reflect.DeepEqual(a, c.Accounts[name]) {
		c.Accounts[name] = a
	}
}

// keepOnly drops the accounts whose files are not among entries.
func (d *draft) keepOnly(entries []fs.DirEntry) {
	listed := make(map[string]bool, len(entries))
	for _, entry := range entries {
		if name, ok := nameOf(entry); ok {
			listed[name] = true
		}
	}
	c := d.change()
	for name := range c.files {
		if !listed[name] {
			delete(c.files, name)
			delete(c.Accounts, name)
		}
	}
}

// listed notes whether accounts/ could be listed; what was read before stays if it could not.
func (d *draft) listed(err error) {
	c := d.config()
	if err == nil {
		if c.listing != nil {
			d.change().listing = nil
		}
		return
	}
	file := filepath.Join(c.dir, "accounts")
	if text := reason(file, err); c.listing == nil || c.listing.Text != text {
		d.change().listing = &Mistake{File: file, Text: text}
	}
}

// finish returns the configuration with all mistakes gathered.
func (d *draft) finish() *Config {
	c := d.next
	if c == nil {
		return d.base
	}
	wrong := c.settleVia()
	for _, f := range c.files {
		wrong = append(wrong, f.mistakes...)
	}
	slices.SortStableFunc(wrong, func(a, b Mistake) int { return strings.Compare(a.File, b.File) })
	if c.listing != nil {
		wrong = append([]Mistake{*c.listing}, wrong...)
	}
	c.invalid = nil
	if wrong = append(slices.Clone(c.main.mistakes), wrong...); len(wrong) > 0 {
		c.invalid = &Invalid{wrong}
	}
	return c
}
