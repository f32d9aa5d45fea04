package audit

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"iter"
	"time"

	"oauthd/daemon/account"

	"github.com/rs/zerolog"
)

// ErrOff says that no audit log is written.
var ErrOff = errors.New("audit: no log is written")

// ErrNoFingerprint says that tokens cannot be told apart, because the store did not give the key of their fingerprints.
var ErrNoFingerprint = errors.New("audit: the key of the fingerprints is not here")

// ClerkConfig is what a Clerk is made of.
type ClerkConfig struct {
	// Dir is the directory of the log; "" for a log that is not written.
	Dir string
	// On reports whether the log is written now.
	On func() bool
	// Key fetches the key of fingerprints from the store, where later daemons find it too; nil for a key of this process.
	Key func(ctx context.Context) ([]byte, error)
	// Log gets a line when the audit log cannot be written, and another when it can again.
	Log zerolog.Logger
	// Now is the wall clock.
	Now func() time.Time
}

// Clerk writes down in a [Log] what callers did, and what happened to accounts, as long as the configuration asks for it.
// It is safe for concurrent use.
type Clerk struct {
	lines  *Log
	on     func() bool
	prints *fingerprints
	log    zerolog.Logger
}

// NewClerk returns a Clerk.
func NewClerk(cfg ClerkConfig) *Clerk {
	c := &Clerk{on: func() bool { return cfg.Dir != "" && cfg.On() }, prints: newFingerprints(cfg.Key, cfg.Log, cfg.Now), log: cfg.Log}
	c.lines = New(Config{Dir: cfg.Dir, Now: cfg.Now, Failed: c.failed})
	return c
}

// failed logs that the audit log cannot be written, or, for nil, that it can again.
func (c *Clerk) failed(err error) {
	if err != nil {
		c.log.Error().Err(err).Msg("audit log cannot be written")
		return
	}
	c.log.Info().Msg("audit log is written again")
}

// Use is how a caller used an account, or was kept from it.
type Use struct {
	// Account and the rest are as the caller asked for them.
	Account, Scope, Audience, Resource string
	// Caller is what was known of it when that was decided; zero for what is known of the caller of the context.
	Caller account.Evidence
	// Rule is what admitted it, with its line if it is a file; "" for nothing.
	Rule string
	Line int
	// Token is the access token that was handed out, and Granted its scopes; "" for none.
	Token, Granted string
	// Refused is why it got none; nil if it did.
	Refused error
}

// Token writes down that a caller was given a token, or was refused one. The error says that it could not be written.
func (c *Clerk) Token(ctx context.Context, u Use) error {
	if !c.on() {
		return nil
	}
	caller, called := account.CallerFrom(ctx)
	if u.Caller.PID == 0 {
		u.Caller = caller.Known()
	}
	k := Key{
		Event: account.AuditToken, Account: u.Account, Scope: u.Scope, Audience: u.Audience, Resource: u.Resource,
		Rule: u.Rule, Line: u.Line, Outcome: account.AuditOutcome(u.Refused),
	}.by(u.Caller)
	if u.Refused != nil {
		k.Event = account.AuditDenied
	}
	if u.Token != "" {
		k.Token = maphash.String(c.prints.seed, u.Token)
		c.prints.await(ctx)
	}
	return c.lines.Note(k, func() account.AuditEvent {
		e := account.AuditEvent{
			Event: k.Event, Account: u.Account, Scope: u.Scope, Audience: u.Audience, Resource: u.Resource,
			Rule: u.Rule, Outcome: k.Outcome, Fingerprint: c.prints.of(u.Token),
		}
		if u.Line > 0 {
			e.Rule = fmt.Sprintf("%s:%d", u.Rule, u.Line)
		}
		if u.Granted != "" {
			e.Scope = u.Granted
		}
		if called {
			asked := u.Caller // a copy, so that only what is written down is allocated
			e.Caller = &asked
		}
		if u.Refused != nil {
			e.Detail = u.Refused.Error()
		}
		return e
	})
}

// Refreshed writes down that the provider gave a new token.
func (c *Clerk) Refreshed(name string, t account.Token) {
	if !c.on() {
		return
	}
	access := t.Access.Reveal()
	k := Key{Event: account.AuditRefresh, Account: name, Outcome: account.AuditOutcome(nil), Token: maphash.String(c.prints.seed, access)}
	_ = c.lines.Note(k, func() account.AuditEvent {
		return account.AuditEvent{Event: k.Event, Account: name, Outcome: k.Outcome, Fingerprint: c.prints.of(access)}
	})
}

// Answered writes down what a person answered to the question of that id, which a use raised.
func (c *Clerk) Answered(u Use, id, answer string) {
	if !c.on() {
		return
	}
	k := Key{Event: account.AuditConsent, Account: u.Account, Rule: id}.by(u.Caller)
	_ = c.lines.Note(k, func() account.AuditEvent {
		return account.AuditEvent{
			Event: k.Event, Account: u.Account, Caller: &u.Caller, Scope: u.Scope, Outcome: account.AuditOutcome(u.Refused), Detail: answer,
		}
	})
}

// Proxied writes down a request that a proxy of ours has answered. The error says that it could not be written.
func (c *Clerk) Proxied(ctx context.Context, r account.ProxiedRequest) error {
	if !c.on() {
		return nil
	}
	asked, _ := account.CallerFrom(ctx)
	caller := asked.Known()
	e := account.AuditEvent{
		Event: account.AuditProxied, Account: r.Account, Caller: &caller, Method: r.Method, URL: r.URL, Status: r.Status,
		Outcome: account.AuditOutcome(nil),
	}
	if r.Code != "" {
		e.Outcome = string(r.Code)
	}
	k := Key{Event: e.Event, Account: e.Account, Outcome: e.Outcome, Method: e.Method, URL: e.URL, Status: e.Status}.by(caller)
	return c.lines.Note(k, func() account.AuditEvent { return e })
}

// Note writes down something else that happened to an account; "" is for all of them.
func (c *Clerk) Note(ctx context.Context, event, name, detail string, failed error) {
	if !c.on() {
		return
	}
	e := account.AuditEvent{Event: event, Account: name, Detail: detail, Outcome: account.AuditOutcome(failed)}
	k := Key{Event: event, Account: name, Outcome: e.Outcome, Rule: detail}
	if asked, ok := account.CallerFrom(ctx); ok {
		caller := asked.Known()
		e.Caller, k = &caller, k.by(caller)
	}
	_ = c.lines.Note(k, func() account.AuditEvent { return e }) // failed has logged it
}

// Read returns a part of the log, and what happens then if it is to be followed. The error is [ErrOff] or
// [ErrNoFingerprint].
func (c *Clerk) Read(ctx context.Context, r account.AuditRequest) (iter.Seq2[account.AuditEvent, error], error) {
	if !c.on() {
		return nil, ErrOff
	}
	w := Wanted{AuditRequest: r}
	if r.Token != "" {
		c.prints.await(ctx)
		if w.Fingerprint = c.prints.of(string(r.Token)); w.Fingerprint == "" {
			return nil, ErrNoFingerprint
		}
	}
	return c.lines.Read(ctx, w), nil
}

// Forget clears the key of fingerprints if the store has it.
func (c *Clerk) Forget() { c.prints.forget() }

// Close writes what is left and closes the log; see [Log.Close].
func (c *Clerk) Close() error { return c.lines.Close() }
