// Package login takes one login from its definition to the stored credential. A login that does not complete leaves
// nothing behind; one whose code is spent is carried through, whoever goes away.
package login

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"oauthd/daemon/account"
	"oauthd/daemon/book"
	"oauthd/daemon/grant"
	"oauthd/daemon/mint"
	"oauthd/daemon/provider"
	"oauthd/daemon/token"
	"oauthd/daemon/vault"
	"oauthd/daemon/words"
	"oauthd/ipc/api"
	"oauthd/redirect"

	"github.com/rs/zerolog"
)

const (
	defaultTimeout = 5 * time.Minute
	maxTimeout     = 24 * 60 * 60 // in seconds
	// ExchangeTimeout bounds everything between the authorization response and the stored credential.
	ExchangeTimeout = time.Minute
)

// Config is what Logins are made of.
type Config struct {
	Book   *book.Book
	Vault  *vault.Vault
	Grants *grant.Client
	Mint   *mint.Minter
	Tokens *token.Cache
	// Store words the store's failures.
	Store words.Store
	Log   zerolog.Logger
	// Now is the wall clock.
	Now func() time.Time
	// UID is the user whose browser may answer a login.
	UID int
	// Minted is called when a login has brought an access token.
	Minted func(token.Key, account.Token)
}

// Logins are the logins of one daemon. They are safe for concurrent use.
type Logins struct {
	book   *book.Book
	vault  *vault.Vault
	grants *grant.Client
	mint   *mint.Minter
	tokens *token.Cache
	store  words.Store
	log    zerolog.Logger
	now    func() time.Time
	uid    int
	minted func(token.Key, account.Token)

	registered registrations
	slots      slots
	entering   sync.Mutex // held from the look for another login to the begin of one, so that only one begins
	redirects  redirect.Servers
}

// New makes Logins.
func New(cfg Config) *Logins {
	return &Logins{
		book: cfg.Book, vault: cfg.Vault, grants: cfg.Grants, mint: cfg.Mint, tokens: cfg.Tokens, store: cfg.Store,
		log: cfg.Log, now: cfg.Now, uid: cfg.UID, minted: cfg.Minted,
		registered: registrations{byIssuer: map[string]account.Registration{}},
		slots:      slots{byAccount: map[string]*Slot{}},
	}
}

// attempt is one login from its definition to its credential.
type attempt struct {
	*Logins
	Outcome
	slot     *Slot
	scopes   scopeChoice
	client   clientSource
	headless bool
	// named is true if this login names the metadata of its client, so that the issuer's refusal of it before does not count;
	// refused is the URL that it refused, or "".
	named   bool
	refused string
	// once are parameters of this authorization request alone.
	once map[string]string
}

// scopeChoice says whether a person named scopes for a login.
type scopeChoice int

const (
	scopesAsBefore scopeChoice = iota
	scopesNamed
	// scopesNamedFirst are the account's first, and come on top of the provider's default ones.
	scopesNamedFirst
)

// clientSource says where a login's client comes from.
type clientSource int

const (
	clientConfigured clientSource = iota
	// clientRegistered was registered for us by the issuer, in this login.
	clientRegistered
	// clientRegisteredBefore was registered in an earlier one.
	clientRegisteredBefore
	// clientOfMetadata is what a document describes that the person hosts.
	clientOfMetadata
)

// Login runs one login of name, which def makes or changes, and reports through events. Until a valid authorization
// response has arrived, the end of ctx cancels it; from then on the code is spent and the login is carried through. A
// login that does not complete leaves nothing behind.
func (l *Logins) Login(ctx context.Context, name string, def api.AccountDefinition, events func(api.LoginEvent)) error {
	a, with, err := l.define(ctx, name, def)
	if err != nil {
		return err
	}
	leave, err := l.vault.Gate().Enter()
	if err != nil {
		return l.store.Problem(err)
	}
	defer leave()
	caller, begin := ctx, l.beginAnew
	if def.Join {
		begin = l.enter
	}
	ctx, slot, done, err := begin(ctx, name, events)
	if err != nil {
		return err
	}
	if slot == nil {
		events(done)
		return nil
	}
	defer slot.End()
	t := &attempt{Logins: l, slot: slot, headless: def.Headless, once: once(def)}
	t.Account, t.AnyPerson = a, def.Force
	t.named = def.ClientIDMetadata != ""
	if len(def.Scopes) > 0 {
		t.scopes = scopesNamed
		if before, known := l.book.Configured(name); known && len(before.Scopes) == 0 {
			t.scopes = scopesNamedFirst
		}
	}
	timeout := cmp.Or(time.Duration(def.Timeout)*time.Second, defaultTimeout)
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, t.Words().TimedOut(timeout))
	defer cancel()

	done, err = t.run(ctx, with, events)
	slot.done, slot.err, slot.abandoned = done, err, err != nil && caller.Err() != nil
	event := l.log.Info()
	if err != nil {
		event = account.LogError(l.log.Warn(), err)
	}
	event = account.LogCaller(ctx, event).Str("account", name).Str("provider", book.ProviderName(a))
	if err == nil {
		event = event.Str("email", done.Email).Str("subject", done.Subject).Strs("scopes", done.ScopesGranted)
	}
	event.Msg("login")
	return err
}

// run authorizes, and once more if the issuer refuses the client that a document describes, or no longer knows the one that it
// registered.
func (t *attempt) run(ctx context.Context, with mint.Given, events func(api.LoginEvent)) (done api.LoginEvent, err error) {
	if err := t.prepare(ctx, with); err != nil {
		return done, t.Words().Cause(ctx, err)
	}
	ctx = t.Provider.Confine(ctx)
	if t.client == clientOfMetadata {
		done, err = t.authorize(ctx, events)
		if another, err := t.afterMetadata(ctx, err); !another {
			return done, err
		}
	}
	done, err = t.authorize(ctx, events)
	if t.client == clientRegisteredBefore && errors.Is(err, &api.Error{Code: api.LoginTimeout}) {
		t.dropRegistration(ctx)
	}
	if t.client != clientConfigured && clientRefused(err) && ctx.Err() == nil {
		if err := t.register(ctx); err != nil {
			return done, t.Words().Cause(ctx, err)
		}
		return t.authorize(ctx, events)
	}
	return done, err
}

// authorize has a person agree, in a browser that comes back to this machine or on another device; a grant without a
// person is tried out.
func (t *attempt) authorize(ctx context.Context, events func(api.LoginEvent)) (done api.LoginEvent, err error) {
	if !t.Account.Grant.Interactive() {
		if done, err = t.TryMachine(ctx, t.slot, t.Outcome); err == nil {
			events(done)
		}
		return done, err
	}
	chosen := t.Account.Grant == account.GrantDeviceCode
	if chosen && t.Provider.Endpoints.Device == "" {
		return done, &api.Error{Code: api.Unsupported, Message: t.Provider.Name + " has no device grant",
			Hint: "log in without --device; over SSH the redirected address can be pasted"}
	}
	if chosen || t.headless && t.Provider.Endpoints.Device != "" {
		done, err := t.viaDevice(ctx, events)
		if chosen || !errors.Is(err, errDeviceNotForClient) || t.client != clientConfigured && clientUnknown(err) {
			return done, err
		}
		t.log.Info().Err(err).Str("account", t.Account.Name).Msg("device grant refused, going on with the redirect")
	}
	if t.Provider.Endpoints.Authorization == "" {
		return done, &api.Error{Code: api.Unsupported, Message: t.Provider.Name + " has no authorization endpoint",
			Hint: "oauthd login " + t.Account.Name + " --device"}
	}
	if t.Provider.ClientSecretRequired && t.Auth.Method == provider.AuthNone {
		return done, &api.Error{Code: api.BadRequest,
			Message: t.Provider.Name + " gives tokens through the browser only to a client that has a secret",
			Hint:    "add --client-secret-stdin, which reads the secret from standard input"}
	}
	return t.viaRedirect(ctx, events)
}

// prepare finds out all that is needed before a person is asked: the store takes a record, the provider is known, the
// client can authenticate.
func (t *attempt) prepare(ctx context.Context, with mint.Given) error {
	a := t.Account
	if err := t.slot.Wait(ctx); err != nil {
		return err
	}
	if a.SelfContained() {
		return nil
	}
	if err := t.vault.Probe(ctx); err != nil {
		return t.store.Problem(err)
	}
	var err error
	t.Before, err = t.vault.Load(ctx, a.Name)
	if err != nil && !errors.Is(err, vault.ErrNoCredential) && !errors.Is(err, vault.ErrUnreadable) {
		return t.store.Problem(err)
	}
	if !a.Grant.HasClient() {
		return t.useServiceAccount(with)
	}
	if t.Provider, err = t.book.Resolve(ctx, a, true); err != nil {
		return words.Discovery(book.ProviderName(a), err)
	}
	ctx = t.Provider.Confine(ctx)
	t.askScopes()
	bound, err := mint.ProofKey(a, t.Provider, t.Before)
	if err != nil {
		return words.DamagedProofKey(a.Name, err)
	}
	t.Auth.ProofKey = bound
	if a.ClientID == "" {
		if used, err := t.useMetadata(ctx); used || err != nil {
			return err
		}
		return t.useRegistration(ctx)
	}
	t.Auth, t.Key, err = mint.Pin(a, t.Provider, with, t.Before)
	t.Auth.ProofKey = bound
	return err
}

// askScopes settles what to ask for: the account's scopes, and the one that brings a refresh token.
func (t *attempt) askScopes() {
	if t.scopes == scopesNamedFirst && t.Before.TokenEndpoint == t.Provider.Endpoints.Token {
		more := t.Account.Scopes
		t.Account.Scopes = slices.Clone(t.Provider.DefaultScopes)
		for _, scope := range more {
			if !slices.Contains(t.Account.Scopes, scope) {
				t.Account.Scopes = append(t.Account.Scopes, scope)
			}
		}
	}
	t.Asked = slices.Clone(t.Account.Scopes)
	if len(t.Asked) == 0 && madeFromResource(t.Account) {
		return // the server says nothing of scopes, and then no scope is asked for (MCP, "Scope Selection Strategy")
	}
	if len(t.Asked) == 0 {
		t.Asked = slices.Clone(t.Provider.DefaultScopes)
	}
	if offline := t.Provider.OfflineScope; offline != "" && !slices.Contains(t.Asked, offline) {
		t.Asked = append(t.Asked, offline)
	}
}

// asksForMore reports whether scopes were named for this login that an earlier one at this provider did not bring.
func (t *attempt) asksForMore() bool {
	before := t.Before
	return t.scopes != scopesAsBefore && !before.RefreshToken.IsZero() && before.Issuer == t.Provider.Issuer &&
		len(t.Provider.Covers(before.Scopes, t.Account.Scopes)) > 0
}
