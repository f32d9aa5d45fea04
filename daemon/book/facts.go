package book

import (
	"context"
	"errors"
	"slices"
	"time"

	"oauthd/daemon/account"
	"oauthd/daemon/vault"
)

// Facts are what is known of an account's credential without holding it: all that a listing shows.
type Facts struct {
	Subject, Email string
	// Scopes are the granted ones; nil if the provider never said. LoginScopes are those that the login brought, if a
	// refresh has brought fewer since; else nil.
	Scopes, LoginScopes []string
	// From is where the credential came from.
	From Origin
	// LoggedIn is true if a credential is saved, and Dead if the provider has refused it for good.
	LoggedIn, Dead bool
	// Ends is when it ends, if it is an access token alone; zero for never.
	Ends time.Time
	// Used is when the refresh token was last used, RefreshEnds when the provider said it ends; zero if there is none.
	Used, RefreshEnds time.Time
	// LoggedInAt is when the person authorized, and Lasted how long earlier logins lasted until the provider ended them.
	LoggedInAt time.Time
	Lasted     []time.Duration
	// MissingSince is since when the store has had no credential although nobody has logged out; zero if it has one, or
	// never had.
	MissingSince time.Time
}

// FactsOf returns what is to be remembered of c.
func FactsOf(c account.Credential) Facts {
	f := Facts{Subject: c.Subject, Email: c.Email, Scopes: c.Scopes, LoginScopes: c.LoginScopes, From: OriginOf(c), LoggedIn: true,
		Dead: c.Dead, LoggedInAt: c.LoggedInAt, Lasted: c.Lasted}
	if c.RefreshToken.IsZero() {
		f.Ends = c.Expiry
	} else {
		f.Used, f.RefreshEnds = LastUse(c), c.RefreshExpiry
	}
	return f
}

// LastUse is when the provider last saw c's refresh token used.
func LastUse(c account.Credential) time.Time {
	if c.UsedAt.After(c.LoggedInAt) {
		return c.UsedAt
	}
	return c.LoggedInAt
}

// KnownFacts returns what is known of name's credential without asking the store.
func (b *Book) KnownFacts(name string) (Facts, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f, ok := b.known[name]
	return f, ok
}

// Facts returns what is known of name's credential, from the store the first time. Errors are those of [vault.Vault.Load],
// and [vault.ErrShut].
func (b *Book) Facts(ctx context.Context, name string) (Facts, error) {
	if f, ok := b.KnownFacts(name); ok {
		return f, nil
	}
	if a, ok := b.Configured(name); ok && a.SelfContained() {
		return Facts{LoggedIn: true}, nil
	}
	if err := b.cfg.Vault.Gate().Err(); err != nil {
		return Facts{}, err
	}
	// Without the record's lock, which a refresh may hold for as long as its provider takes.
	c, err := b.cfg.Vault.Load(ctx, name)
	var f Facts
	switch {
	case err == nil:
		f = FactsOf(c)
	case errors.Is(err, vault.ErrNoCredential):
		f.MissingSince = b.ledger.missing(name)
	default:
		return Facts{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if newer, ok := b.known[name]; ok {
		return newer, nil
	}
	b.known[name] = f
	return f, nil
}

// Stored remembers f of a's credential, which is in the store, or of an account of which nothing is stored.
func (b *Book) Stored(a account.Account, f Facts) {
	if !a.SelfContained() {
		b.ledger.stored(a.Name)
	}
	b.setFacts(a.Name, f)
}

// Missing remembers that the store has no credential of name, and returns since when, if there was one and nobody has
// logged out; else zero.
func (b *Book) Missing(name string) (since time.Time) {
	since = b.ledger.missing(name)
	b.setFacts(name, Facts{MissingSince: since})
	return since
}

// Remembered returns the accounts that had a credential in the store when it was last asked about them, without asking it.
func (b *Book) Remembered() []string {
	return slices.DeleteFunc(b.Names(), func(name string) bool { return !b.ledger.has(name) })
}

// Forgotten remembers that name has been logged out.
func (b *Book) Forgotten(name string) {
	b.ledger.forgotten(name)
	b.setFacts(name, Facts{})
}

func (b *Book) setFacts(name string, f Facts) {
	b.mu.Lock()
	b.known[name] = f
	b.mu.Unlock()
	b.cfg.Changed(name, false)
}

// forgetFacts has the store asked again about name's credential.
func (b *Book) forgetFacts(name string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.known, name)
}
