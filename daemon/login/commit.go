package login

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"oauthd/daemon/account"
	"oauthd/daemon/book"
	"oauthd/daemon/config"
	"oauthd/daemon/token"
	"oauthd/daemon/vault"
	"oauthd/ipc/api"
)

// commit stores the credential and the account's file together: when the file cannot be written the store gets back
// what it had.
func (t *finish) commit(ctx context.Context, c account.Credential, tok account.Token) error {
	name := t.Account.Name
	unlock, err := t.vault.Lock(ctx, name)
	if err != nil {
		return err
	}
	defer unlock()
	// What was spent for it cannot be had again.
	if !t.slot.current() && (!t.Irreplaceable || !t.slot.wanted()) {
		return errSuperseded
	}
	undo := func() error { return nil }
	if !t.Account.SelfContained() {
		if undo, err = t.replace(ctx, &c); err != nil {
			return err
		}
	}
	if err := t.writeFile(ctx); err != nil {
		if t.Irreplaceable {
			text, _ := config.Encode(t.Account)
			return t.Words().FileMissing(t.book.File(name), text, err)
		}
		return t.Words().FileNotWritten(t.book.File(name), errors.Join(err, undo()))
	}
	t.tokens.Drop(name)
	if !tok.Access.IsZero() {
		t.tokens.Put(token.Key{Account: name}, tok)
		t.minted(token.Key{Account: name}, tok)
	}
	t.book.Stored(t.Account, book.FactsOf(c))
	return nil
}

// writeFile writes the account's file, if it is the daemon's to write.
func (t *finish) writeFile(ctx context.Context) error {
	if t.Account.Managed {
		return t.book.Write(ctx, t.Account)
	}
	t.book.Refresh(ctx, t.Account.Name)
	return nil
}

// replace stores c, which becomes the successor of what the store has, and returns how to put that back. The caller holds
// the record's lock.
func (t *finish) replace(ctx context.Context, c *account.Credential) (undo func() error, err error) {
	name := t.Account.Name
	// What is kept now, not when the login began: a refresh may have rotated it since.
	before, err := t.vault.Load(ctx, name)
	fresh := errors.Is(err, vault.ErrNoCredential) || errors.Is(err, vault.ErrUnreadable)
	if err != nil && !fresh {
		return nil, t.store.Problem(err)
	}
	undo = func() error {
		if fresh {
			return t.vault.Delete(ctx, name)
		}
		return t.vault.Rotate(ctx, name, before)
	}
	c.Generation, c.Lasted = before.Generation, lasted(before, *c)
	if err := t.save(ctx, *c); err != nil {
		return nil, t.store.Problem(errors.Join(err, undo())) // a store may keep what it says it did not
	}
	return undo, nil
}

// lasted returns how long the account's logins lasted until the provider ended them, for a login that comes after before:
// at most the newest few, and none of another client or provider.
func lasted(before, c account.Credential) []time.Duration {
	const most = 3
	if book.OriginOf(before) != book.OriginOf(c) {
		return nil
	}
	all := slices.Clone(before.Lasted)
	if d := before.EndedAt.Sub(before.LoggedInAt); before.Dead && d > 0 && !before.EndedAt.IsZero() {
		all = append(all, d)
	}
	return all[max(0, len(all)-most):]
}

// save stores c; where it is the only valid credential there is, a store that fails does not lose it.
func (t *finish) save(ctx context.Context, c account.Credential) error {
	if !t.Irreplaceable {
		return t.vault.Save(ctx, t.Account.Name, c)
	}
	if err := t.vault.Rotate(ctx, t.Account.Name, c); err != nil {
		t.log.Error().Err(err).Str("account", t.Account.Name).Bool("degraded", true).Msg("state")
		t.warnings = append(t.warnings, "the store did not take the credential: "+t.store.Problem(err).Message+
			". It is kept in memory and saved as soon as the store takes it; do not stop the daemon before oauthd status says so")
	}
	return nil
}

// warn collects what the person should know of a login that did succeed.
func (t *finish) warn(c account.Credential, tok account.Token) {
	if missing := t.Provider.Covers(c.Scopes, t.Account.Scopes); len(missing) > 0 {
		t.warnings = append(t.warnings, "not granted: "+api.Excerpt(strings.Join(missing, " ")))
	}
	if extra := t.Provider.Covers(t.Asked, c.Scopes); len(extra) > 0 && !t.Imported {
		t.warnings = append(t.warnings, "granted though not asked for: "+api.Excerpt(strings.Join(extra, " ")))
	}
	if !c.RefreshToken.IsZero() || !t.Account.Grant.Interactive() {
		return
	}
	t.warnings = append(t.warnings, t.Words().NoRefreshToken(t.Provider.NoRefreshToken, t.Provider.OfflineScope, tok.Expiry))
}
