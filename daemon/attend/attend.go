// Package attend has a person log in at the right moment. When an account needs a login it asks once, however many callers
// want its tokens, through the desktop: the person clicks "Sign in", and the login runs. If several accounts need one, a
// single question names them all, and their logins run one after the other. It also says ahead of time that a login will
// end, and passes both on to the command that the configuration names.
package attend

import (
	"context"
	"maps"
	"sync"
	"time"

	"oauthd/daemon/hook"
	"oauthd/daemon/words"
	"oauthd/ipc/api"

	"github.com/rs/zerolog"
)

// pause is how long a dismissed question keeps callers from raising the next one.
const pause = time.Minute

// Accounts is where a Desk looks accounts up, and has them logged in.
type Accounts interface {
	// Standing returns how the account of that name is, without asking the store; known is false if there is no such
	// account, or nothing is known of its credential yet.
	Standing(name string) (s Standing, known bool)
	// Login runs a login of the account as it is configured, which is to bring what is wanted besides.
	Login(ctx context.Context, name string, w Want, events func(api.LoginEvent)) error
	// Underway returns a channel that is closed when the login of that account that somebody else runs has ended; nil if
	// there is none.
	Underway(name string) <-chan struct{}
}

// Want is what a login is to bring besides a token. The zero Want is for an account whose login has ended; any other one is
// for an account that somebody is logged in to, but not well enough for a caller.
type Want struct {
	// Scopes are the scopes that a token must cover, separated by spaces; they come on top of the account's.
	Scopes string
	// ACRValues and MaxAge are the parameters of the authorization request that a resource asks for (RFC 9470 §4); "" for
	// none. MaxAge is a number of seconds.
	ACRValues, MaxAge string
}

// Standing is how an account is.
type Standing struct {
	api.Account
	// HadLogin is true if somebody was logged in, and nobody has logged out.
	HadLogin bool
	// LoggedInAt is when that login was; zero if it is not known.
	LoggedInAt time.Time
}

// Desktop is the session of the person that the daemon works for.
type Desktop interface {
	// Ask shows q until the person has answered, or ctx ends. An error means that nobody can be asked here.
	Ask(ctx context.Context, q words.Question) (Answer, error)
	// Tell shows n and does not wait.
	Tell(ctx context.Context, n words.Question) error
	// Open opens a web page in the person's browser; activation is what an answer brought, or "".
	Open(ctx context.Context, url, activation string) error
}

// Answer is what a person answered.
type Answer struct {
	// Agreed is true if the person chose the action, false if the question was dismissed.
	Agreed bool
	// Activation lets the program that is opened next take the focus (XDG activation); "" if the desktop gave none.
	Activation string
}

// Settings are what a person configured.
type Settings struct {
	// OnEvent is the command to run; nil for none.
	OnEvent []string
	// OpenBrowser opens the browser at once instead of asking.
	OpenBrowser bool
}

// Config is what a Desk is made of.
type Config struct {
	Accounts Accounts
	Settings func() Settings
	// Desktop is nil if the system has none that can be asked.
	Desktop Desktop
	// Hook has a command run, without waiting for it.
	Hook func(hook.Command)
	// Changed is called, with no mutex held, when [Desk.Waiting] may answer otherwise than before for the account.
	Changed func(name string)
	Log     zerolog.Logger
	// Now is the wall clock.
	Now func() time.Time
}

// Desk is where accounts that need a person wait for one. It is safe for concurrent use.
type Desk struct {
	cfg  Config
	work sync.WaitGroup

	mu       sync.Mutex // guards the fields below; nothing else is locked while it is held
	ctx      context.Context
	touched  map[string]struct{} // accounts to look at
	wake     chan struct{}       // holds one element if there are any
	told     map[string]told
	asking   map[string]*asking
	posing   bool   // a question is shown, or about to be
	takeBack func() // ends the question that is shown; nil if there has been none
	paused   map[string]rest
}

// rest keeps callers from raising a question about an account.
type rest struct {
	until time.Time
	// want is what was asked for last. If that was refused, nobody may ask for anything else either.
	want    Want
	refused bool
	// loggedIn is when the person had logged in; a later login ends the rest.
	loggedIn time.Time
}

// New makes a Desk; nobody is asked before [Desk.Run] is called.
func New(cfg Config) *Desk {
	return &Desk{
		cfg: cfg, touched: map[string]struct{}{}, wake: make(chan struct{}, 1), told: map[string]told{},
		asking: map[string]*asking{}, paused: map[string]rest{},
	}
}

// Changed has the account of that name looked at. It never blocks.
func (d *Desk) Changed(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.touchLocked(name)
}

// ChangedAll has the accounts looked at that a person is being asked about.
func (d *Desk) ChangedAll() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for name := range d.asking {
		d.touchLocked(name)
	}
}

func (d *Desk) touchLocked(name string) {
	d.touched[name] = struct{}{}
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// Waiting reports whether a person is being asked to log in to the account of that name, and how many callers wait for it.
func (d *Desk) Waiting(name string) (asked bool, callers int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	a := d.asking[name]
	if a == nil {
		return false, 0
	}
	return true, a.callers
}

// Run looks at what has changed and asks, until ctx ends. It returns once no question is shown, and no login that it has begun
// waits for a person.
func (d *Desk) Run(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	d.mu.Lock()
	d.ctx = ctx
	d.mu.Unlock()
	for ctx.Err() == nil {
		select {
		case <-d.wake:
		case <-ctx.Done():
		}
		for name := range d.takeTouched() {
			d.look(name)
		}
	}
	cancel()
	d.mu.Lock()
	d.ctx = nil
	left := maps.Clone(d.asking)
	d.mu.Unlock()
	for name, a := range left {
		d.answered(name, a, unanswered(name, a.want))
	}
	d.work.Wait()
}

func (d *Desk) takeTouched() map[string]struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	names := maps.Clone(d.touched)
	clear(d.touched)
	return names
}
