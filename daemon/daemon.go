// Package daemon is the composition of oauthd: it owns the accounts, their credentials and their tokens, runs logins,
// and answers what the socket asks. It is the only writer of account files, and it owns the lifetime of every
// goroutine it starts: [Daemon.Run] returns after they have.
package daemon

import (
	"context"
	"errors"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"oauthd/daemon/account"
	"oauthd/daemon/config"
	"oauthd/daemon/grant"
	"oauthd/daemon/provider"
	"oauthd/daemon/token"
	"oauthd/daemon/vault"
	"oauthd/ipc/api"
	"oauthd/keystore"

	"github.com/rs/zerolog"
)

// Config is what a Daemon is made of.
type Config struct {
	// Dir is the directory of config.toml and accounts/.
	Dir string
	// Config is the configuration read from Dir.
	Config *config.Config
	// Store is where credentials rest.
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

	// Version, Socket and StartedBy are what status tells.
	Version   string
	Socket    string
	StartedBy string
}

// ADCPlaces are the paths of Google's application default credentials; "" where there is none.
type ADCPlaces struct {
	// Env is the value of GOOGLE_APPLICATION_CREDENTIALS, WellKnown the file that gcloud writes.
	Env, WellKnown string
}

// Daemon is the agent behind the socket. Its methods are safe for concurrent use.
type Daemon struct {
	cfg     Config
	log     zerolog.Logger
	now     func() time.Time
	started time.Time
	grants  *grant.Client
	vault   *vault.Vault
	tokens  *token.Cache
	stop    chan struct{}
	resumed chan struct{} // holds one element when the machine has woken up
	stopped sync.Once

	discovered discoveries
	registered registrations
	logins     logins
	watchers   watchers
	reads      atomic.Int64 // of the files, begun

	mu       sync.Mutex // guards the fields below
	config   *config.Config
	mistakes error // of the newest read of the files; nil when they are right
	taken    int64 // the number of that read
	known    map[string]facts
}

// facts are what is known of an account's credential without holding it: all that a listing shows.
type facts struct {
	subject, email string
	scopes         []string
	// from is where the credential came from.
	from     origin
	loggedIn bool // a credential is kept
	dead     bool // and the provider has refused it for good
	// ends is when it ends, where that is an access token alone; zero for never.
	ends time.Time
	// used is when the refresh token was last used, refreshEnds when the provider said it ends; zero where there is none.
	used, refreshEnds time.Time
}

func factsOf(c account.Credential) facts {
	f := facts{subject: c.Subject, email: c.Email, scopes: c.Scopes, from: originOf(c), loggedIn: true, dead: c.Dead}
	if c.RefreshToken.IsZero() {
		f.ends = c.Expiry
	} else {
		f.used, f.refreshEnds = lastUse(c), c.RefreshExpiry
	}
	return f
}

// New makes a Daemon; it does nothing before [Daemon.Run] is called.
func New(cfg Config) *Daemon {
	now := cfg.Now
	if now == nil {
		now = time.Now
	}
	httpClient := cfg.HTTP
	if httpClient == nil {
		httpClient = provider.NewHTTPClient()
	}
	d := &Daemon{
		cfg:     cfg,
		log:     cfg.Log,
		now:     now,
		started: now().UTC().Truncate(time.Second),
		grants:  &grant.Client{HTTP: httpClient, Now: now, UserAgent: "oauthd/" + cfg.Version},
		vault:   vault.New(cfg.Store),
		stop:    make(chan struct{}),
		resumed: make(chan struct{}, 1),
		config:  cfg.Config,
		known:   map[string]facts{},
	}
	d.discovered = discoveries{client: httpClient, now: now, byIssuer: map[string]discovery{}}
	d.registered.byIssuer = map[string]account.Registration{}
	d.logins.byAccount = map[string]*login{}
	d.tokens = token.New(token.Config{Minter: d, Now: now, MintTimeout: mintTimeout, Changed: d.refreshed})
	d.vault.Settled = d.settled
	return d
}

// Run keeps tokens fresh and unsaved credentials on their way to the store until ctx ends or Shutdown is called. Its
// error names credentials that could not be saved at the end.
func (d *Daemon) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer d.watchers.close()
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

	alive := make(chan struct{})
	go func() { defer close(alive); d.keepAlive(ctx) }()

	err := d.tokens.Run(ctx)
	<-alive
	d.logins.drain()
	stopVault()
	return errors.Join(err, <-saved)
}

// Shutdown makes Run return. It does not wait.
func (d *Daemon) Shutdown(context.Context) error {
	d.stopped.Do(func() { close(d.stop) })
	return nil
}

// Status tells about the daemon, its store and every account.
func (d *Daemon) Status(ctx context.Context) (api.Status, error) {
	accounts, err := d.Accounts(ctx)
	if err != nil {
		return api.Status{}, err
	}
	s := api.Status{
		PID:       os.Getpid(),
		Version:   d.cfg.Version,
		StartedAt: d.started,
		StartedBy: d.cfg.StartedBy,
		Socket:    d.cfg.Socket,
		Store:     api.Store{Backend: d.cfg.Config.Backend, State: "ok", Needs: d.vault.Gate().Needs()},
		Accounts:  accounts,
	}
	err = d.locked()
	if err == nil {
		err = d.vault.Check(ctx)
	}
	if err != nil {
		p := d.storeProblem(err)
		s.Store.State, s.Store.Detail = "unavailable", p.Message
		if p.Code == api.KeystoreLocked || p.Code == api.Locked {
			s.Store.State = "locked"
		}
	}
	return s, nil
}
