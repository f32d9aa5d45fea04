package daemon

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

	"oauthd/daemon/account"
	"oauthd/daemon/grant"
	"oauthd/daemon/provider"
	"oauthd/daemon/vault"
	"oauthd/ipc/api"
)

const (
	defaultLoginTimeout = 5 * time.Minute
	maxLoginTimeout     = 24 * 60 * 60 // in seconds
	// exchangeTimeout bounds everything between the authorization response and the stored credential.
	exchangeTimeout = time.Minute
)

// attempt is one login from its definition to its credential.
type attempt struct {
	d        *Daemon
	login    *login
	account  account.Account
	provider provider.Provider
	before   account.Credential // what was kept until now; zero for none
	auth     grant.ClientAuth
	// key is what is kept of a private key; unset where there is none, or where its file is read each time.
	key    account.Secret
	scopes []string
	// registered is true when auth is a client that the issuer registered for us.
	registered bool
	// reused is true when that was for an earlier login.
	reused bool
	// named is true when the person named scopes for this login, and onDefaults when these are the first and come on top
	// of the provider's default ones.
	named      bool
	onDefaults bool
	force      bool
	headless   bool
	// redirectURI is where the code came; "" where there was none.
	redirectURI string
	// spent is true when what the login has obtained is the only valid credential there is: it is kept even where it cannot
	// be saved yet.
	spent bool
	// imported is true when another tool has logged in, so that who it was cannot be asked for again.
	imported bool
	warnings []string
}

// Login runs one login of name, which def makes or changes, and reports through events. Until a valid authorization
// response has arrived, the end of ctx cancels it; from then on the code is spent and the login is carried through. A
// login that does not complete leaves nothing behind.
func (d *Daemon) Login(ctx context.Context, name string, def api.AccountDefinition, events func(api.LoginEvent)) error {
	a, with, err := d.define(name, def)
	if err != nil {
		return err
	}
	l := &login{id: rand.Text(), ended: make(chan struct{})}
	ctx, l.cancel = context.WithCancelCause(named(ctx))
	defer l.cancel(nil)
	leave, err := d.enter()
	if err != nil {
		return err
	}
	defer leave()
	if err := d.logins.begin(name, l); err != nil {
		return err
	}
	defer d.logins.end(name, l)
	if err := d.locked(); err != nil { // from between the two
		return err
	}
	t := &attempt{d: d, login: l, account: a, force: def.Force, headless: def.Headless, named: len(def.Scopes) > 0}
	if before, known := d.configured(name); known {
		t.onDefaults = t.named && len(before.Scopes) == 0
	}
	timeout := cmp.Or(time.Duration(def.Timeout)*time.Second, defaultLoginTimeout)
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, &api.Error{
		Code:    api.LoginTimeout,
		Message: fmt.Sprintf("nobody finished the login within %s", timeout),
		Hint:    t.again() + "; --timeout gives more time",
	})
	defer cancel()

	done, err := t.run(ctx, with, events)
	event := d.log.Info()
	if err != nil {
		event = detail(d.log.Warn(), err)
	}
	event = who(ctx, event).Str("account", name).Str("provider", d.providerName(a))
	if err == nil {
		event = event.Str("email", done.Email).Str("subject", done.Subject).Strs("scopes", done.ScopesGranted)
	}
	event.Msg("login")
	return err
}

// run authorizes, and once more where the issuer no longer knows the client that it registered.
func (t *attempt) run(ctx context.Context, with given, events func(api.LoginEvent)) (done api.LoginEvent, err error) {
	if err := t.prepare(ctx, with); err != nil {
		return done, t.cause(ctx, err)
	}
	done, err = t.authorize(ctx, events)
	if t.reused && errors.Is(err, &api.Error{Code: api.LoginTimeout}) {
		t.dropRegistration(ctx)
	}
	if t.registered && clientRefused(err) && ctx.Err() == nil {
		if err := t.register(ctx); err != nil {
			return done, t.cause(ctx, err)
		}
		return t.authorize(ctx, events)
	}
	return done, err
}

// authorize has a person agree, in a browser that comes back to this machine or on another device; a grant without a
// person is tried out.
func (t *attempt) authorize(ctx context.Context, events func(api.LoginEvent)) (api.LoginEvent, error) {
	if !t.account.Grant.Interactive() {
		return t.viaMachine(ctx, events)
	}
	chosen := t.account.Grant == account.GrantDeviceCode
	if chosen && t.provider.Endpoints.Device == "" {
		return api.LoginEvent{}, &api.Error{Code: api.Unsupported, Message: t.provider.Name + " has no device grant",
			Hint: "log in without --device; over SSH the redirected address can be pasted"}
	}
	if chosen || t.headless && t.provider.Endpoints.Device != "" {
		done, err := t.viaDevice(ctx, events)
		if chosen || !errors.Is(err, errDeviceNotForClient) || t.registered && clientUnknown(err) {
			return done, err
		}
		t.d.log.Info().Err(err).Str("account", t.account.Name).Msg("device grant refused, going on with the redirect")
	}
	if t.provider.Endpoints.Authorization == "" {
		return api.LoginEvent{}, &api.Error{Code: api.Unsupported, Message: t.provider.Name + " has no authorization endpoint",
			Hint: "oauthd login " + t.account.Name + " --device"}
	}
	if t.provider.ClientSecretRequired && t.auth.Method == provider.AuthNone {
		return api.LoginEvent{}, &api.Error{Code: api.BadRequest,
			Message: t.provider.Name + " gives tokens through the browser only to a client that has a secret",
			Hint:    "add --client-secret-stdin, which reads the secret from standard input"}
	}
	return t.viaRedirect(ctx, events)
}

// prepare finds out all that is needed before a person is asked: the store takes a record, the provider is known, the
// client can authenticate.
func (t *attempt) prepare(ctx context.Context, with given) error {
	d, a := t.d, t.account
	select { // a fixed port can be had only once
	case <-t.login.last:
	case <-ctx.Done():
		return ctx.Err()
	}
	if selfContained(a) {
		return nil
	}
	if err := d.vault.Probe(ctx); err != nil {
		return d.storeProblem(err)
	}
	var err error
	t.before, err = d.vault.Load(ctx, a.Name)
	if err != nil && !errors.Is(err, vault.ErrNoCredential) && !errors.Is(err, vault.ErrUnreadable) {
		return d.storeProblem(err)
	}
	if !a.Grant.HasClient() {
		return t.useKey(with)
	}
	if t.provider, err = d.resolve(ctx, a, true); err != nil {
		return d.discoveryProblem(a, err)
	}
	t.askScopes()
	if a.ClientID == "" {
		t.registered = true
		return t.useRegistration(ctx)
	}
	t.auth, t.key, err = pinned(a, t.provider, with, t.before)
	return err
}

// askScopes settles what to ask for: the account's scopes, and the one that brings a refresh token.
func (t *attempt) askScopes() {
	if t.onDefaults && t.before.TokenEndpoint == t.provider.Endpoints.Token {
		more := t.account.Scopes
		t.account.Scopes = slices.Clone(t.provider.DefaultScopes)
		for _, scope := range more {
			if !slices.Contains(t.account.Scopes, scope) {
				t.account.Scopes = append(t.account.Scopes, scope)
			}
		}
	}
	t.scopes = slices.Clone(t.account.Scopes)
	if len(t.scopes) == 0 {
		t.scopes = slices.Clone(t.provider.DefaultScopes)
	}
	if offline := t.provider.OfflineScope; offline != "" && !slices.Contains(t.scopes, offline) {
		t.scopes = append(t.scopes, offline)
	}
}
