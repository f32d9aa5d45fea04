package daemon

import (
	"context"
	"errors"
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
)

// This file puts the rooms of the daemon together, and passes on what one has to say to the others.

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

// replaced is called by the book when another configuration was read.
func (d *Daemon) replaced() {
	d.holds.ChangedAll()
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
	d.released(name)
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
	d.released(key.Account)
	d.news.Minted(key, t)
	d.files.Changed(key.Account)
}

// released ends what callers hold of the account of that name, and of those that have their tokens via it.
func (d *Daemon) released(name string) {
	d.holds.Changed(name)
	d.holds.Changed(d.book.Through(name)...)
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
