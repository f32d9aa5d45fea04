package book

import (
	"context"
	"errors"
	"time"

	"oauthd/daemon/account"
	"oauthd/daemon/vault"
)

// Facts are what is known of an account's credential without holding it: all that a listing shows.
type Facts struct {
	Subject, Email string
	// Scopes are the granted ones; nil if the provider never said.
	Scopes []string
	// From is where the credential came from.
	From Origin
	// LoggedIn is true if a credential is saved, and Dead if the provider has refused it for good.
	LoggedIn, Dead bool
	// Ends is when it ends, if it is an access token alone; zero for never.
	Ends time.Time
	// Used is when the refresh token was last used, RefreshEnds when the provider said it ends; zero if there is none.
	Used, RefreshEnds time.Time
}

// FactsOf returns what is to be remembered of c.
func FactsOf(c account.Credential) Facts {
	f := Facts{Subject: c.Subject, Email: c.Email, Scopes: c.Scopes, From: OriginOf(c), LoggedIn: true, Dead: c.Dead}
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
	if b.cfg.Vault.Gate().Locked() {
		return Facts{}, vault.ErrShut
	}
	// Without the record's lock, which a refresh may hold for as long as its provider takes.
	c, err := b.cfg.Vault.Load(ctx, name)
	var f Facts
	switch {
	case err == nil:
		f = FactsOf(c)
	case !errors.Is(err, vault.ErrNoCredential):
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

// SetFacts remembers f.
func (b *Book) SetFacts(name string, f Facts) {
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
