package attend

import (
	"context"
	"maps"
	"slices"
	"time"

	"oauthd/daemon/words"
	"oauthd/ipc/api"
)

// gather is how long a question waits for others. After a suspend, or if a provider ends several logins, a person is asked
// once about all of them.
const gather = 500 * time.Millisecond

// requeueLocked takes the question that is shown back, because it is about other accounts than those that are queued.
func (d *Desk) requeueLocked() {
	if d.takeBack != nil {
		d.takeBack()
	}
}

// pose shows one question about all accounts that are queued, and another one when they have changed, until none is left.
func (d *Desk) pose(ctx context.Context) {
	for {
		select {
		case <-time.After(gather):
		case <-ctx.Done():
		}
		shown, batch := d.batch(ctx)
		if len(batch) == 0 {
			return
		}
		names := slices.Sorted(maps.Keys(batch))
		answer, err := d.show(shown, names, batch)
		refuse := dismissed
		switch {
		case err == nil && answer.Agreed:
			d.agreed(ctx, names, batch, answer.Activation)
			continue
		case err != nil && shown.Err() != nil: // taken back
			continue
		case err != nil:
			d.cfg.Log.Info().Err(err).Strs("accounts", names).Msg("nobody can be asked to log in")
			refuse = unanswered
		}
		for name, a := range batch {
			d.answered(name, a, refuse(name, a.want))
		}
	}
}

// batch returns what is queued, and the context of the question about it, which ends when the question is outdated. If
// nothing is queued, or ctx has ended, nobody poses questions any more.
func (d *Desk) batch(ctx context.Context) (shown context.Context, batch map[string]*asking) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.takeBack != nil {
		d.takeBack()
	}
	batch = maps.Clone(d.asking)
	maps.DeleteFunc(batch, func(_ string, a *asking) bool { return !a.queued })
	if ctx.Err() != nil || len(batch) == 0 {
		d.posing, d.takeBack = false, nil
		return nil, nil
	}
	shown, d.takeBack = context.WithCancel(ctx)
	return shown, batch
}

// dismissed is why an account still needs a login if the person did not want one now.
func dismissed(name string, w Want) *api.Error {
	if w.Scopes != "" {
		return words.MoreScopesRefused(name, w.Scopes, "the question on the desktop was dismissed")
	}
	return words.LoginDismissed(name)
}

// show asks about the accounts, unless the person wants to be asked by their browser.
func (d *Desk) show(ctx context.Context, names []string, batch map[string]*asking) (Answer, error) {
	if d.cfg.Settings().OpenBrowser {
		return Answer{Agreed: true}, nil
	}
	accounts := make([]api.Account, 0, len(names))
	for _, name := range names {
		s, _ := d.cfg.Accounts.Standing(name)
		s.Name = name // of an account that is just being removed too
		accounts = append(accounts, s.Account)
	}
	if w := batch[names[0]].want; len(names) == 1 && w != (Want{}) {
		return d.cfg.Desktop.Ask(ctx, words.SignInAgain(names[0], w.Scopes))
	}
	return d.cfg.Desktop.Ask(ctx, words.SignIn(accounts))
}

// agreed begins the logins of a batch.
func (d *Desk) agreed(ctx context.Context, names []string, batch map[string]*asking, activation string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, a := range batch {
		a.queued = false
	}
	if d.ctx != nil {
		d.work.Go(func() { d.logIn(ctx, names, batch, activation) })
	}
}

// stands reports whether a is still what is wanted about the account of that name.
func (d *Desk) stands(name string, a *asking) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.asking[name] == a
}
