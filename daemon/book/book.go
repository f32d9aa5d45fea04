package book

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"oauthd/daemon/account"
	"oauthd/daemon/config"
	"oauthd/daemon/vault"
	"oauthd/daemon/words"
	"oauthd/ipc/api"

	"github.com/rs/zerolog"
)

// Config is what a Book is made of.
type Config struct {
	// Dir is the directory of config.toml and accounts/; Config is what was read there.
	Dir    string
	Config *config.Config
	Vault  *vault.Vault
	// StateDir is the daemon's directory of state, in which the book notes which accounts have a credential; "" for a
	// store that remembers nothing either.
	StateDir string
	Log      zerolog.Logger
	// HTTP fetches discovery documents.
	HTTP *http.Client
	// Now is the wall clock.
	Now func() time.Time
	// Changed is called, with no mutex held, when what a listing shows of the account of that name may have changed.
	// With unbound the tokens it has are no longer its own.
	Changed func(name string, unbound bool)
	// Replaced is called, with no mutex held, when the configuration has been replaced; nil means that nobody wants to know.
	Replaced func()
}

// Book is safe for concurrent use.
type Book struct {
	cfg        Config
	reader     *config.Reader
	discovered discoveries
	narrowing  narrowing
	ledger     ledger
	places     ruleBook

	// config is what the files said when they were read last. It does not change, and is replaced with mu held.
	config atomic.Pointer[config.Config]
	turn   chan struct{} // holds an element while an account's file is rewritten

	mu    sync.Mutex // guards the fields below; nothing else is locked while it is held
	known map[string]Facts
}

// New makes a Book of what was read already.
func New(cfg Config) *Book {
	b := &Book{
		cfg:        cfg,
		reader:     config.NewReader(cfg.Dir, cfg.Config),
		discovered: discoveries{client: cfg.HTTP, now: cfg.Now, byIssuer: map[string]discovery{}},
		ledger:     ledger{dir: cfg.StateDir, now: cfg.Now},
		known:      map[string]Facts{},
		turn:       make(chan struct{}, 1),
	}
	b.config.Store(cfg.Config)
	return b
}

// Account returns the account of that name. An unknown name is answered only after its file has been looked for.
func (b *Book) Account(ctx context.Context, name string) (account.Account, error) {
	c := b.current()
	if a, ok := c.Account(name); ok {
		return a, nil
	}
	b.Refresh(ctx, name)
	c = b.current()
	if a, ok := c.Account(name); ok {
		return a, nil
	}
	var invalid *config.Invalid
	if errors.As(c.Err(), &invalid) {
		if in := invalid.In(b.File(name)); in != nil {
			return account.Account{}, words.ConfigInvalid(in)
		}
	}
	return account.Account{}, words.UnknownAccount(name)
}

// Free returns nil if name is that of no account and may be given to a new one. A file of that name that is wrong is an
// error, because it would be overwritten.
func (b *Book) Free(ctx context.Context, name string) error {
	_, err := b.Account(ctx, name)
	if errors.Is(err, &api.Error{Code: api.UnknownAccount}) {
		return nil
	}
	return err
}

// current returns the configuration as the files were read last.
func (b *Book) current() *config.Config { return b.config.Load() }

// Config returns the configuration in use.
func (b *Book) Config() *config.Config { return b.current() }

// Configured returns the account of that name as the files were read last.
func (b *Book) Configured(name string) (account.Account, bool) { return b.current().Account(name) }

// Names returns the names of all accounts, sorted.
func (b *Book) Names() []string { return b.current().Names() }

// Through returns the names of the accounts that have their tokens via the account of that name, sorted.
func (b *Book) Through(name string) []string { return b.current().Through(name) }

// LoginOf returns the account whose login the tokens of the account of that name come from: usually that one.
func (b *Book) LoginOf(name string) string {
	if a, ok := b.Configured(name); ok && a.Via != "" {
		return a.Via
	}
	return name
}

// File is the path of the file of the account of that name.
func (b *Book) File(name string) string { return config.AccountFile(b.cfg.Dir, name) }

// ErrNotManaged says that the file of an account is a person's, or is gone, so that the daemon does not write it.
var ErrNotManaged = errors.New("book: the account has no file that the daemon may write")

// Write writes a's file, and takes it in. Who may use the account stays as the file of that name says now, which is not
// always how it was when a was made.
func (b *Book) Write(ctx context.Context, a account.Account) error {
	return b.rewrite(ctx, a.Name, func(now account.Account, known bool) (account.Account, error) {
		if known {
			a.Policy, a.Sockets = now.Policy, now.Sockets
		}
		return a, nil
	})
}

// Change writes what change makes of the account of that name as its file is now, and takes it in; change must not write
// into the slices that it finds. The error is [ErrNotManaged] if the file is not the daemon's.
func (b *Book) Change(ctx context.Context, name string, change func(*account.Account)) error {
	return b.rewrite(ctx, name, func(now account.Account, known bool) (account.Account, error) {
		if !known || !now.Managed {
			return now, ErrNotManaged
		}
		change(&now)
		return now, nil
	})
}

// rewrite reads, changes and writes an account's file; one caller after another does so.
func (b *Book) rewrite(ctx context.Context, name string, change func(now account.Account, known bool) (account.Account, error)) error {
	select {
	case b.turn <- struct{}{}:
		defer func() { <-b.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	b.Refresh(ctx, name)
	next, err := change(b.Configured(name))
	if err != nil {
		return err
	}
	read, err := b.reader.Save(ctx, next)
	if err != nil {
		return err
	}
	b.replace(read)
	return nil
}

// Remove removes the file of the account of that name, and takes that in.
func (b *Book) Remove(ctx context.Context, name string) error {
	next, err := b.reader.Remove(ctx, name)
	if err != nil {
		return err
	}
	b.replace(next)
	return nil
}

// OnEvent returns the command to run when something happens to an account; nil for none.
func (b *Book) OnEvent() []string { return b.current().OnEvent }

// OIDCAgent reports whether oidc-agent's clients get a socket of their own.
func (b *Book) OIDCAgent() bool { return b.current().OIDCAgent }

// OpenBrowser reports whether the browser may be opened for a login without asking first.
func (b *Book) OpenBrowser() bool { return b.current().OpenBrowser }

// Locking says when the daemon locks by itself.
func (b *Book) Locking() config.Locking { return b.current().Locking }

// Audit reports whether an audit log is written, and AuditRequired whether no token is handed out without it.
func (b *Book) Audit() bool { return b.current().Audit }

// AuditRequired is described at [Book.Audit].
func (b *Book) AuditRequired() bool { return b.current().AuditRequired }

// MayRegister reports whether a client may be registered for a by its issuer (RFC 7591).
func (b *Book) MayRegister(a account.Account) bool { return b.current().MayRegister(a) }
