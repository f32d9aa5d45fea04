// Package daemon is the composition of oauthd: it owns the accounts, their credentials and their tokens, runs logins,
// and answers what the socket asks. It is the only writer of account files, and it owns the lifetime of every
// goroutine it starts: [Daemon.Run] returns after they have.
package daemon

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"oauthd/daemon/account"
	"oauthd/daemon/admit"
	"oauthd/daemon/attend"
	"oauthd/daemon/audit"
	"oauthd/daemon/autolock"
	"oauthd/daemon/book"
	"oauthd/daemon/config"
	"oauthd/daemon/consent"
	"oauthd/daemon/files"
	"oauthd/daemon/grant"
	"oauthd/daemon/grant/google"
	"oauthd/daemon/hook"
	"oauthd/daemon/keepalive"
	"oauthd/daemon/login"
	"oauthd/daemon/mint"
	"oauthd/daemon/narrow"
	"oauthd/daemon/news"
	"oauthd/daemon/provider"
	"oauthd/daemon/sockets"
	"oauthd/daemon/standing"
	"oauthd/daemon/stores"
	"oauthd/daemon/takeover"
	"oauthd/daemon/token"
	"oauthd/daemon/vault"
	"oauthd/daemon/words"
	"oauthd/ipc/api"
	"oauthd/keystore"

	"github.com/rs/zerolog"
)

// Config is what a Daemon is made of.
type Config struct {
	// Dir is the directory of config.toml and accounts/.
	Dir string
	// StateDir is the directory of what outlives the daemon; "" for a daemon whose store does not.
	StateDir string
	// RuntimeDir is the directory of what ends with the person's session, which only they can enter: files of tokens.
	// FileRecord is the name of the record of these in it.
	RuntimeDir, FileRecord string
	// Config is the configuration read from Dir.
	Config *config.Config
	// Store is where credentials are stored.
	Store keystore.Store
	Log   zerolog.Logger
	// HTTP talks to providers; nil means the hardened default of daemon/grant.
	HTTP *http.Client
	// Now is the wall clock; nil means time.Now.
	Now func() time.Time
	// UID is the user whose browser may answer a login.
	UID int
	// ADC is where Google's application default credentials are looked for.
	ADC ADCPlaces

	// Again is called when another store was chosen and Run is about to return: the owner is to begin anew, with what
	// config.toml says now. Nil means that no store can be chosen.
	Again func()

	// Replaced is called when another configuration was read, or somebody asked for a reload, and must return at once; nil
	// means that nobody wants to know.
	Replaced func()

	// Version, Socket and StartedBy are what status shows.
	Version   string
	Socket    string
	StartedBy string
	Proxied   bool

	// Desktop is where a person is asked to log in; nil if the system has none that can be asked.
	Desktop attend.Desktop
	// HookEnv is the environment of a person's commands.
	HookEnv []string
	// NotOpened is why the store is closed although something was given that opens it; nil otherwise.
	NotOpened error
	// Consent are the ways to a person who is asked whether a caller may use an account, and Terminal reports whether there
	// is a terminal to answer in; nil means that there is.
	Consent  []consent.Way
	Terminal func(caller api.Evidence) bool
	// OpenSocket begins to serve a restricted socket; stop ends that. Nil means that there are none.
	OpenSocket func(s account.Socket) (stop func(), err error)
	// AuditDir is the directory of the audit log; "" if none is written.
	AuditDir string
	// Wipe overwrites the memory of what nothing refers to any more; nil means that nothing does.
	Wipe func()
}

// ADCPlaces are the paths of Google's application default credentials; "" if there is none.
type ADCPlaces struct {
	// Env is the value of GOOGLE_APPLICATION_CREDENTIALS, WellKnown the file that gcloud writes.
	Env, WellKnown string
}

// Daemon is the agent behind the socket. Its methods are safe for concurrent use.
type Daemon struct {
	cfg      Config
	log      zerolog.Logger
	now      func() time.Time
	started  time.Time
	store    words.Store
	vault    *vault.Vault
	book     *book.Book
	tokens   *token.Cache
	mint     *mint.Minter
	narrow   narrow.Narrower
	logins   *login.Logins
	imports  *takeover.Imports
	standing *standing.Board
	news     *news.Desk
	attend   *attend.Desk
	hooks    *hook.Queue
	files    *files.Keeper
	guard    *admit.Guard
	consent  *consent.Desk
	audit    *audit.Clerk
	sockets  *sockets.Keeper
	stores   *stores.Chooser
	autolock *autolock.Locker
	alive    *keepalive.Keeper
	stop     chan struct{}
	stopped  sync.Once
}

// New makes a Daemon; it does nothing before [Daemon.Run] is called.
func New(cfg Config) *Daemon {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Wipe == nil {
		cfg.Wipe = func() {}
	}
	if cfg.OpenSocket == nil {
		cfg.OpenSocket = func(account.Socket) (func(), error) { return nil, errors.New("this daemon serves none") }
	}
	if cfg.Terminal == nil {
		cfg.Terminal = func(api.Evidence) bool { return true }
	}
	if cfg.HTTP == nil {
		cfg.HTTP = provider.NewHTTPClient()
	}
	d := &Daemon{
		cfg:     cfg,
		log:     cfg.Log,
		now:     cfg.Now,
		started: cfg.Now().UTC().Truncate(time.Second),
		store:   words.Store{Backend: cfg.Config.Backend, StartedBy: cfg.StartedBy},
		vault:   vault.New(cfg.Store),
		stop:    make(chan struct{}),
	}
	grants := &grant.Client{HTTP: cfg.HTTP, Now: cfg.Now, UserAgent: "oauthd/" + cfg.Version}
	d.book = book.New(book.Config{
		Dir: cfg.Dir, StateDir: cfg.StateDir, Config: cfg.Config, Vault: d.vault, Log: cfg.Log, HTTP: cfg.HTTP, Now: cfg.Now, Changed: d.changed,
		Replaced: d.replaced,
	})
	d.narrow = narrow.Narrower{Book: d.book, Store: d.store}
	d.mint = mint.New(mint.Config{
		Book: d.book, Vault: d.vault, Grants: grants, ADC: google.ADCPlaces(cfg.ADC), Store: d.store, Log: cfg.Log, Now: cfg.Now,
		Tokens: func(ctx context.Context, r token.Request) (account.Token, error) { return d.tokens.Token(ctx, r) },
	})
	d.tokens = token.New(token.Config{Minter: d.mint, Now: cfg.Now, MintTimeout: mint.Timeout, Changed: d.refreshed, Derived: d.book.Through})
	d.standing = standing.New(standing.Config{
		Book: d.book, Vault: d.vault, Tokens: d.tokens, Store: d.store, Now: cfg.Now,
		Waiting: func(name string) (bool, int) { return d.attend.Waiting(name) },
	})
	d.news = news.New(d.standing)
	d.logins = login.New(login.Config{
		Book: d.book, Vault: d.vault, Grants: grants, Mint: d.mint, Tokens: d.tokens, Store: d.store, Log: cfg.Log, Now: cfg.Now,
		UID: cfg.UID, Minted: d.minted,
	})
	d.imports = takeover.New(takeover.Config{
		Book: d.book, Vault: d.vault, Mint: d.mint, Logins: d.logins, Store: d.store, Log: cfg.Log,
	})
	d.hooks = &hook.Queue{Runner: hook.Runner{Env: cfg.HookEnv}, Log: cfg.Log}
	d.attend = attend.New(attend.Config{
		Accounts: attended{d}, Desktop: cfg.Desktop, Hook: d.hooks.Add, Changed: d.news.Changed, Log: cfg.Log, Now: cfg.Now,
		Settings: func() attend.Settings {
			return attend.Settings{OnEvent: d.book.OnEvent(), OpenBrowser: d.book.OpenBrowser()}
		},
	})
	key := d.auditKey
	if cfg.Config.Backend == "memory" {
		key = nil
	}
	d.audit = audit.NewClerk(audit.ClerkConfig{Dir: cfg.AuditDir, On: d.book.Audit, Key: key, Log: cfg.Log, Now: cfg.Now})
	d.sockets = sockets.New(sockets.Config{
		Book: d.book, UID: cfg.UID, Open: cfg.OpenSocket, Log: cfg.Log, Now: cfg.Now,
		Note: d.policyChanged,
	})
	d.consent = consent.New(consent.Config{
		Ways: cfg.Consent, Terminal: cfg.Terminal, Answered: d.auditAnswer, Log: cfg.Log, Now: cfg.Now,
	})
	d.guard = admit.New(admit.Config{
		Book: d.book, Consent: d.consent, Sockets: d.sockets, Narrow: d.narrow, Note: d.policyChanged, Log: cfg.Log, Now: cfg.Now,
	})
	d.files = files.New(files.Config{
		Dir: cfg.RuntimeDir, Record: cfg.FileRecord, Token: d.Token, Account: d.Account, Hooks: d.hooks.Runner,
		Log: cfg.Log, Now: cfg.Now,
	})
	d.stores = &stores.Chooser{
		Dir: cfg.Dir, InUse: config.Keystore{Backend: cfg.Config.Backend, Identity: cfg.Config.Identity, Seal: cfg.Config.Seal},
		Store: cfg.Store, Gate: d.vault.Gate(), Accounts: d.book, Words: d.store, Log: cfg.Log, Again: cfg.Again,
	}
	d.alive = keepalive.New(keepalive.Config{Book: d.book, Tokens: d.tokens, Looked: d.attend.Changed})
	d.autolock = autolock.New(autolock.Config{
		Settings: d.book.Locking, Locked: d.vault.Gate().Locked, Lock: d.lock, Now: cfg.Now,
	})
	d.vault.Settled = d.settled
	if cfg.NotOpened != nil {
		d.vault.Gate().NotOpened(cfg.NotOpened)
	}
	return d
}

// Run keeps tokens fresh and unsaved credentials on their way to the store until ctx ends or Shutdown is called. Its
// error names credentials that could not be saved at the end.
func (d *Daemon) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer d.news.Close()
	go func() {
		select {
		case <-d.stop:
			cancel()
		case <-ctx.Done():
		}
	}()

	// The vault outlives the cache, because a refresh that ends last may leave a credential to save.
	vaultCtx, stopVault := context.WithCancel(context.WithoutCancel(ctx))
	defer stopVault()
	saved := make(chan error, 1)
	go func() { saved <- d.vault.Run(vaultCtx) }()

	var beside sync.WaitGroup
	beside.Go(func() { d.alive.Run(ctx) })
	beside.Go(func() { d.autolock.Run(ctx) })
	beside.Go(func() { d.attend.Run(ctx) })
	beside.Go(func() { d.hooks.Run(ctx) })
	beside.Go(func() { d.files.Run(ctx) })
	d.sockets.Settle()
	beside.Go(func() { d.sockets.Run(ctx) })

	err := d.tokens.Run(ctx)
	d.consent.Close()
	beside.Wait()
	d.logins.Drain()
	stopVault()
	return errors.Join(err, <-saved, d.audit.Close())
}

// Shutdown makes Run return. It does not wait.
func (d *Daemon) Shutdown(context.Context) error {
	d.stopped.Do(func() { close(d.stop) })
	return nil
}

// replaced is called by the book when another configuration was read.
func (d *Daemon) replaced() {
	d.autolock.Look()
	if d.cfg.Replaced != nil {
		d.cfg.Replaced()
	}
}

// changed is called by the book when an account may have changed; unbound tokens are no longer its own.
func (d *Daemon) changed(name string, unbound bool) {
	if unbound {
		d.tokens.Drop(name)
	}
	d.files.Changed(name)
	if unbound {
		for _, through := range d.book.Through(name) {
			d.files.Changed(through)
		}
	}
	d.show(name)
}

// refreshed is called by the cache when a request to the provider has begun, or has ended, with a token or without.
func (d *Daemon) refreshed(key token.Key, minted *account.Token) {
	if minted != nil {
		d.minted(key, *minted)
		d.audit.Refreshed(key.Account, *minted)
	}
	d.show(key.Account)
	d.wipeLocked()
}

// minted is called when there is a new token.
func (d *Daemon) minted(key token.Key, t account.Token) {
	d.news.Minted(key, t)
	d.files.Changed(key.Account)
}

// settled is called by the vault when a credential that was in memory only is in the store.
func (d *Daemon) settled(name string) {
	d.log.Info().Str("account", name).Bool("degraded", false).Msg("state")
	d.news.Changed(name)
	d.wipeLocked()
}

// show passes on that the account of that name may be otherwise than before.
func (d *Daemon) show(name string) {
	d.news.Changed(name)
	for _, through := range d.book.Through(name) {
		d.news.Changed(through)
	}
	d.attend.Changed(name)
}
