package token

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"oauthd/daemon/account"
	"oauthd/ipc/api"
)

var (
	// ErrNoIDToken says that the provider gives no ID token for this key, or none any more.
	ErrNoIDToken = errors.New("token: the provider gave no ID token")
	// ErrClosed says that the cache was shut down.
	ErrClosed = errors.New("token: cache is shut down")
	// ErrBusy says that as many keys of one account as may be held all wait for the provider.
	ErrBusy = errors.New("token: too many keys of one account are being minted")

	// errDropped ends a flight whose account was dropped; its callers ask again.
	errDropped = errors.New("token: dropped")
)

// Key names one token of one account. The account must be one that exists; callers choose the rest.
type Key struct {
	Account string
	// Scopes are what the token must cover; the empty set means all that was granted.
	Scopes account.ScopeSet
	// Audience and Resource (RFC 8707) are "" if none was asked for.
	Audience string
	Resource string
	// IDToken sets apart an ID token that takes a request of its own, as a service account's for an audience does; false
	// where one comes along with each access token.
	IDToken bool
	// Exchanged sets apart a token that the provider gives for another token of the account (RFC 8693). To mint it, a
	// [Minter] may ask the cache for that one, which is never Exchanged.
	Exchanged bool
}

// lane names the slot of k. Keys of one slot are minted one after another, so that what is made of another token of the
// account has a slot of its own.
func (k Key) lane() string {
	if k.Exchanged {
		return exchangeLane(k.Account)
	}
	return k.Account
}

// exchangeLane is the lane of an account's exchanged tokens; no account's name has a space.
func exchangeLane(accountName string) string { return accountName + " exchanged" }

// Minter asks the provider for a token.
type Minter interface {
	// Mint returns a new token for key. It runs on the cache's own context, which carries the values of the first
	// caller's, and must return soon after that ends. It is called at most once at a time per account, and once at a
	// time for its exchanged tokens, and concurrently for different ones.
	//
	// An error with a method Pause() (retryAfter time.Duration, ok bool) in its tree that answers ok, or the end
	// of a context, is taken as passing and backed off from; every other error is definite, is never remembered for
	// the next caller, and ends the refresh ahead of expiry until a token comes again.
	Mint(ctx context.Context, key Key) (account.Token, error)
}

// Request asks for a token.
type Request struct {
	Key Key
	// MinTTL is what the token must still live; nil means the smaller of 60 s and a quarter of its lifetime. A token
	// that has ended is never served from the cache, whatever MinTTL says.
	MinTTL *time.Duration
	// Force asks the provider even when a fresh token is at hand, and when we back off from failures; it does not
	// override a provider's Retry-After. It shares a flight that is under way already.
	Force bool
	// IDToken asks for an ID token too; without it the answer carries none.
	IDToken bool
	// Unasked says that nobody wants the token: asking for it begins or prolongs no refresh ahead of expiry.
	Unasked bool
}

// Config is what a [Cache] is made of.
type Config struct {
	Minter Minter
	// Now is the wall clock; nil means [time.Now]. It must be safe for concurrent use.
	Now func() time.Time
	// Jitter gives numbers in [0,1); nil means math/rand/v2. It must be safe for concurrent use.
	Jitter func() float64
	// MintTimeout bounds one Mint; 0 means 30 s.
	MintTimeout time.Duration
	// Changed, if set, is called as a flight of key begins, and when it has ended: with the token that is now
	// cached, or nil if it brought none. It is called from the flight's goroutine and must return soon.
	Changed func(key Key, minted *account.Token)
	// Derived names the accounts whose tokens are made from those of the account of that name, and which are dropped with
	// it; nil if there are none.
	Derived func(accountName string) []string
}

// Cache holds tokens in memory. All methods are safe for concurrent use.
type Cache struct {
	minter      Minter
	clock       func() time.Time
	jitter      func() float64
	mintTimeout time.Duration
	changed     func(Key, *account.Token)
	derived     func(string) []string

	// wake wakes Run's loop that the queue has changed.
	wake chan struct{}
	// closing is closed when Run's context ends; flights that have not begun to mint give up then.
	closing chan struct{}
	// hard ends the flights that outlive the grace.
	hard    context.Context
	harden  context.CancelFunc
	flights sync.WaitGroup

	// byName is slots, to be read without the mutex: from a lane to its *slot.
	byName sync.Map
	// ended is closed, to be read without the mutex.
	ended atomic.Bool

	mu sync.Mutex // mu guards the fields below, and all that is reached through them
	// slots holds the lanes that have an entry or a flight, by [Key.lane]: an account's own is its name.
	slots     map[string]*slot
	queue     queue
	proactive int // flights begun by the loop
	running   bool
	closed    bool
}

// New returns an empty cache. Token works at once; tokens are refreshed ahead of expiry while [Cache.Run] runs.
func New(cfg Config) *Cache {
	c := &Cache{
		minter:      cfg.Minter,
		clock:       cfg.Now,
		jitter:      cfg.Jitter,
		mintTimeout: cfg.MintTimeout,
		changed:     cfg.Changed,
		derived:     cfg.Derived,
		wake:        make(chan struct{}, 1),
		closing:     make(chan struct{}),
		slots:       make(map[string]*slot),
	}
	if c.clock == nil {
		c.clock = time.Now
	}
	if c.jitter == nil {
		c.jitter = rand.Float64
	}
	if c.changed == nil {
		c.changed = func(Key, *account.Token) {}
	}
	if c.derived == nil {
		c.derived = func(string) []string { return nil }
	}
	if c.mintTimeout == 0 {
		c.mintTimeout = 30 * time.Second
	}
	c.hard, c.harden = context.WithCancel(context.Background())
	return c
}

// now returns the wall time without a monotonic reading, which would stand still while the machine is suspended.
func (c *Cache) now() time.Time { return c.clock().Round(0) }

// Token returns a token for r.Key, from the cache or from the provider. A fresh token that is shorter than asked is
// served all the same, and so is a still valid one, unless r.Force is set, while refreshing fails.
//
// Errors: the Minter's; a [*BackoffError] around it if it was a passing one; [ErrNoIDToken]; [ErrBusy]; the context's if
// ctx ends first; [ErrClosed] after shutdown. The token's Scopes are shared: do not change them.
func (c *Cache) Token(ctx context.Context, r Request) (account.Token, error) {
	if h := c.hit(r, c.now()); h != nil {
		return h.token.forRequest(r), nil
	}
	return c.ask(ctx, r)
}

// Answer is Token for a caller of the socket: the one place at which an access token leaves the daemon. A token that is
// cached is shaped and encoded once. What the answer's pointers point to is shared: do not change it.
func (c *Cache) Answer(ctx context.Context, r Request) (api.Token, error) {
	now := c.now()
	if h := c.hit(r, now); h != nil {
		return h.answer(r, now), nil
	}
	t, err := c.ask(ctx, r)
	if err != nil {
		return api.Token{}, err
	}
	out := shape(r.Key.Account, t)
	out.ExpiresIn = expiresIn(t.Expiry, c.now())
	return out, nil
}

// ask is Token beyond what can be served without the mutex.
func (c *Cache) ask(ctx context.Context, r Request) (account.Token, error) {
	for {
		t, f, err := c.lookup(ctx, r)
		if f == nil {
			return t, err
		}
		select {
		case <-f.done:
		case <-ctx.Done():
			return account.Token{}, fmt.Errorf("token: wait for account %q: %w", r.Key.Account, ctx.Err())
		}
		if f.err != errDropped {
			return f.answer(r, c.now())
		}
	}
}

// lookup returns a token or an error from the cache, or else the flight to wait for.
func (c *Cache) lookup(ctx context.Context, r Request) (account.Token, *flight, error) {
	now := c.now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return account.Token{}, nil, ErrClosed
	}
	s := c.slots[r.Key.lane()]
	var e *entry
	if s != nil {
		e = s.entries[r.Key]
	}
	if e != nil {
		if !r.Unasked {
			e.asked.set(now)
			if e.idle {
				c.planLocked(e, now)
				c.wakeLoop()
			}
		}
		if !r.Force {
			hit, err := e.token.serves(r, now)
			if err != nil {
				return account.Token{}, nil, err
			}
			if hit {
				return e.token.forRequest(r), nil, nil
			}
		}
	}
	return c.missLocked(ctx, e, r, now)
}

// missLocked is lookup where e, nil when nothing is known of the key, does not serve r.
func (c *Cache) missLocked(ctx context.Context, e *entry, r Request, now time.Time) (account.Token, *flight, error) {
	if ctx.Err() != nil {
		return account.Token{}, nil, fmt.Errorf("token: ask for account %q: %w", r.Key.Account, ctx.Err())
	}
	if e == nil {
		asked := now
		if r.Unasked {
			asked = time.Time{}
		}
		if e = c.insertLocked(r.Key, asked); e == nil {
			return account.Token{}, nil, ErrBusy
		}
	}
	valid := !r.Force && e.token.valid(r.IDToken, now)
	if until := e.backingOff(r.Force, now); e.flight == nil && !until.IsZero() {
		if valid {
			return e.token.forRequest(r), nil, nil
		}
		return account.Token{}, nil, &BackoffError{Err: e.lastError, RetryAt: until}
	}
	if e.flight == nil {
		c.startLocked(ctx, e, false)
	}
	if valid && e.lastError != nil && r.MinTTL == nil {
		// The provider or the store has been failing and may hang: nobody waits for it with a valid token at hand.
		return e.token.forRequest(r), nil, nil
	}
	return account.Token{}, e.flight, nil
}

// Put takes in a token that a login brought. It supersedes a flight of the same key: its callers get t, its result is
// discarded. For a new login call [Cache.Drop] first, so that tokens of the former one under other keys are forgotten.
func (c *Cache) Put(key Key, t account.Token) {
	now, jitter := c.now(), c.jitter()
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.insertLocked(key, now)
	if e == nil {
		return
	}
	e.asked.set(now)
	e.jitter = jitter
	e.token = hold(t, now)
	e.succeeded()
	if f := e.flight; f != nil {
		e.flight = nil
		f.land(e.token, nil)
	}
	c.planLocked(e, now)
	c.wakeLoop()
}

// Drop forgets everything known of an account: after a logout, and before the Put of a new login. Callers who wait for
// a flight begun before ask again; its result is discarded. The flight itself is not cancelled, and later flights of
// the account wait for its end, because a refresh token must not be in use twice.
func (c *Cache) Drop(accountName string) {
	names := append([]string{accountName}, c.derived(accountName)...)
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, name := range names {
		c.dropLocked(name)
		c.dropLocked(exchangeLane(name))
	}
}

func (c *Cache) dropLocked(lane string) {
	s := c.slots[lane]
	if s == nil {
		return
	}
	for _, e := range s.entries {
		if f := e.flight; f != nil {
			e.flight = nil
			f.land(held{}, errDropped)
		}
		c.removeLocked(e)
	}
	c.sweepLocked(lane, s)
}

// ProofKey returns the key that the cached token of an account with that text is bound to; unset if it is not bound, or not
// cached any more.
func (c *Cache) ProofKey(accountName, access string) account.Secret {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, exchanged := range []bool{false, true} {
		s := c.slots[Key{Account: accountName, Exchanged: exchanged}.lane()]
		if s == nil {
			continue
		}
		for _, e := range s.entries {
			if e.token.Access.Reveal() == access {
				return e.token.ProofKey
			}
		}
	}
	return account.Secret{}
}
