package daemon

import (
	"context"

	"oauthd/ipc/api"
)

// enter is called before a credential is used, and leave once it is saved; it fails while oauthd is locked.
func (d *Daemon) enter() (leave func(), err error) {
	if leave, err = d.vault.Gate().Enter(); err != nil {
		return nil, d.lockedProblem()
	}
	return leave, nil
}

// locked returns why nothing is given out now; nil if oauthd is not locked.
func (d *Daemon) locked() error {
	if !d.vault.Gate().Locked() {
		return nil
	}
	return d.lockedProblem()
}

// Lock makes every request for a token fail until Unlock: it forgets the tokens, ends the logins that wait for a person,
// and closes a store that can be closed, as soon as every refresh under way has been saved.
func (d *Daemon) Lock(ctx context.Context) error {
	changed := d.vault.Gate().Shut()
	d.logins.endAll(d.lockedProblem())
	d.dropAll()
	if changed {
		who(ctx, d.log.Info()).Msg("locked")
	}
	d.changedAll()
	return nil
}

// Unlock ends what Lock, or a store that was closed at the start, has begun. A wrong passphrase leaves everything as it
// is; one that is right for a store that is open changes nothing either.
func (d *Daemon) Unlock(ctx context.Context, passphrase api.Confidential) error {
	changed, err := d.vault.Gate().Open(ctx, string(passphrase))
	if err != nil {
		detail(who(ctx, d.log.Warn()), err).Msg("unlock")
		return d.storeProblem(err)
	}
	if changed {
		d.dropAll() // what failed because of the lock
		who(ctx, d.log.Info()).Msg("unlocked")
		d.changedAll()
	}
	return nil
}

func (d *Daemon) dropAll() {
	d.mu.Lock()
	names := make([]string, 0, len(d.config.Accounts))
	for name := range d.config.Accounts {
		names = append(names, name)
	}
	d.mu.Unlock()
	for _, name := range names {
		d.tokens.Drop(name)
	}
}
