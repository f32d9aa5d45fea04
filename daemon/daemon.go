// Package daemon is the composition of oauthd: it puts together the rooms that own the accounts, their credentials and
// their tokens, passes on what one has to say to the others, and answers what the socket asks. It owns the lifetime of
// every goroutine it starts: [Daemon.Run] returns after they have.
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
	"oauthd/daemon/hold"
	"oauthd/daemon/hook"
	"oauthd/daemon/keepalive"
	"oauthd/daemon/login"
	"oauthd/daemon/mint"
	"oauthd/daemon/narrow"
	"oauthd/daemon/news"
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
	holds    hold.Desk
	consent  *consent.Desk
	audit    *audit.Clerk
	sockets  *sockets.Keeper
	stores   *stores.Chooser
	autolock *autolock.Locker
	alive    *keepalive.Keeper
	stop     chan struct{}
	stopped  sync.Once
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
