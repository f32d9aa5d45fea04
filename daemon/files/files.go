// Package files maintains files that hold a token, for programs that read it from one.
//
// A file is replaced before its token ends, by a rename, so that it is always whole. It is there for exactly as long as
// the socket would give its token: a lock or a logout takes it away, an unlock or a login brings it back. Some files
// live as long as a process, whose end is waited for; the others live until [Keeper.End], and are away while no daemon
// runs. The next daemon of the same runtime directory goes on with all of them, and finds what one that was killed has
// left: a record there names the files, without anything of a token but a digest.
//
// A file belongs to a person if its content is not what was written here last. Such a file is never replaced and never
// removed, unless its replacement was asked for.
package files

import (
	"context"
	"sync"
	"time"

	"oauthd/daemon/account"
	"oauthd/daemon/hook"
	"oauthd/ipc/api"
	"oauthd/ipc/peer"

	"github.com/rs/zerolog"
)

// maxFiles bounds the files. No person has so many; a program in a loop has.
const maxFiles = 256

// Config is what a [Keeper] is made of.
type Config struct {
	// Dir is the runtime directory, which only we can enter. The record and the files of processes are in it. Record is
	// the record's name.
	Dir, Record string
	// Token answers a token request, and Account describes an account, as the socket would.
	Token   func(ctx context.Context, r api.TokenRequest) (api.Token, error)
	Account func(ctx context.Context, name string) (api.Account, error)
	Hooks   hook.Runner
	Log     zerolog.Logger
	// Now is the wall clock.
	Now func() time.Time
}

// Keeper maintains files. Its methods are safe for concurrent use; those that add or end files wait for Run to begin.
type Keeper struct {
	cfg     Config
	started chan struct{} // closed when Run has read the record; from then on ctx is set
	ctx     context.Context
	work    sync.WaitGroup
	saving  chan struct{} // held by the one that writes the record

	mu    sync.Mutex // guards the fields below, and those of the entries that say so
	all   map[string]*entry
	over  bool
	epoch uint64 // counts the withdrawals
}

// New returns a Keeper of no files.
func New(cfg Config) *Keeper {
	return &Keeper{cfg: cfg, started: make(chan struct{}), saving: make(chan struct{}, 1), all: make(map[string]*entry)}
}

// entry is one file.
type entry struct {
	path    string        // proven, free of links
	process *peer.Process // nil for a file that lives as long as the daemon
	pid     int
	caller  account.Caller // whoever asked for the file; guarded by Keeper.mu
	// wake holds an element if there may be another token, or none any more. turn holds one while the file is looked at
	// or changed.
	wake, turn chan struct{}
	ctx        context.Context // ends with the file
	end        context.CancelFunc

	// Keeper.mu guards the fields below.
	request api.FileRequest
	version int // counts the requests
	over    bool
	sums    []string // digests of what was written last, and of what was there before
	// state is what a listing shows.
	state api.File
	// secrets are what no error of the command may show. commandRuns is set while the command runs, and commandAgain if
	// it is to run once more.
	secrets                   []string
	commandRuns, commandAgain bool
}

// Run maintains files until ctx ends, and then removes them. Those of processes stay, because they are being read: the
// next daemon goes on with them, or removes them if it finds their process gone.
func (k *Keeper) Run(ctx context.Context) {
	k.ctx = ctx
	for _, e := range k.load() {
		k.mu.Lock()
		k.all[e.path] = e
		k.mu.Unlock()
		k.begin(e, 0)
	}
	close(k.started)
	<-ctx.Done()
	k.mu.Lock()
	k.over = true
	all := k.entriesLocked("")
	k.mu.Unlock()
	k.work.Wait()
	for _, e := range all {
		if e.process != nil {
			continue
		}
		if err := k.remove(context.Background(), e); err != nil {
			account.LogError(k.cfg.Log.Warn(), err).Str("file", e.path).Msg("a token file stays")
		}
	}
}

// ready waits for Run to begin.
func (k *Keeper) ready(ctx context.Context) error {
	select {
	case <-k.started:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (k *Keeper) newEntry(path string, r api.FileRequest) *entry {
	e := &entry{path: path, request: r, wake: make(chan struct{}, 1), turn: make(chan struct{}, 1)}
	e.ctx, e.end = context.WithCancel(k.ctx)
	return e
}

// begin has an entry that is in k.all maintained, with a first look after a while.
func (k *Keeper) begin(e *entry, first time.Duration) {
	k.work.Go(func() { k.maintain(e, first) })
	if e.process == nil {
		return
	}
	k.work.Go(func() {
		defer e.process.Close()
		if !e.process.Wait(e.ctx) {
			return
		}
		if err := k.drop(e); err != nil {
			account.LogError(k.cfg.Log.Warn(), err).Str("file", e.path).Msg("a token file stays")
		}
	})
}

// entriesLocked returns the entries of an account, of all for "".
func (k *Keeper) entriesLocked(name string) (all []*entry) {
	for _, e := range k.all {
		if name == "" || e.request.Account == name {
			all = append(all, e)
		}
	}
	return all
}

// Changed says that there may be another token of the account, or of any for "".
func (k *Keeper) Changed(name string) {
	k.mu.Lock()
	all := k.entriesLocked(name)
	k.mu.Unlock()
	for _, e := range all {
		select {
		case e.wake <- struct{}{}:
		default:
		}
	}
}

// Withdraw removes the files of an account, or all for "", at once, and then looks whether there is a token for them. why
// is what a listing shows until then.
func (k *Keeper) Withdraw(ctx context.Context, name string, why error) {
	k.mu.Lock()
	k.epoch++ // a token that is on its way to a file comes too late
	all := k.entriesLocked(name)
	k.mu.Unlock()
	for _, e := range all {
		if err := k.remove(ctx, e); err != nil {
			account.LogError(k.cfg.Log.Warn(), err).Str("file", e.path).Msg("a token file stays")
		}
		k.mu.Lock()
		if e.state.WrittenAt == nil {
			e.state.LastError = api.AsError(why)
		}
		k.mu.Unlock()
	}
	k.Changed(name)
}
