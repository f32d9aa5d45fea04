package daemon

import (
	"context"

	"oauthd/daemon/account"
	"oauthd/daemon/vault"
	"oauthd/daemon/words"
	"oauthd/ipc/api"
)

// Lock makes every request for a token fail until Unlock: it forgets the tokens, takes the files that hold one away, ends
// the logins and questions that wait for a person, and closes a store that can be closed, as soon as every refresh under way has been
// saved. What was in memory for all that is wiped.
func (d *Daemon) Lock(ctx context.Context) error {
	d.lock(ctx, "")
	return nil
}

// lock is Lock; why says what caused it, "" if a caller asked for it.
func (d *Daemon) lock(ctx context.Context, why string) {
	changed := d.vault.Gate().Shut()
	d.logins.EndAll(words.Locked(vault.ErrShut))
	d.consent.Lock()
	d.audit.Forget()
	d.dropAll()
	d.holds.ChangedAll()
	d.files.Withdraw(ctx, "", words.Locked(vault.ErrShut))
	if changed {
		account.LogCaller(ctx, d.log.Info()).Str("why", why).Msg("locked")
		d.audit.Note(ctx, api.AuditLock, "", why, nil)
	}
	d.news.ChangedAll()
	d.attend.ChangedAll()
	d.holds.Settle(ctx) // until then a token is in use
	d.wipeLocked()
}

// wipeLocked wipes what is no longer used, if d is locked: after Lock itself, and after each use of a credential that
// the lock found under way.
func (d *Daemon) wipeLocked() {
	if d.vault.Gate().Locked() {
		d.cfg.Wipe()
	}
}

// Unlock ends what Lock, or a store that was closed at the start, has begun. A wrong passphrase leaves everything as it
// is; one that is right for a store that is open changes nothing either.
func (d *Daemon) Unlock(ctx context.Context, passphrase api.Confidential) error {
	changed, err := d.vault.Gate().Open(ctx, string(passphrase))
	if err != nil {
		account.LogError(account.LogCaller(ctx, d.log.Warn()), err).Msg("unlock")
		d.audit.Note(ctx, api.AuditUnlock, "", "", d.store.Problem(err))
		return d.store.Problem(err)
	}
	if changed {
		d.autolock.Used()
		d.autolock.Look()
		d.dropAll() // what failed because of the lock
		account.LogCaller(ctx, d.log.Info()).Msg("unlocked")
		d.audit.Note(ctx, api.AuditUnlock, "", "", nil)
		d.files.Changed("")
		d.news.ChangedAll()
	}
	return nil
}

func (d *Daemon) dropAll() {
	for _, name := range d.book.Names() {
		d.tokens.Drop(name)
	}
}
