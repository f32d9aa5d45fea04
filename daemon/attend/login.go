package attend

import (
	"cmp"
	"context"
	"errors"
	"time"

	"oauthd/daemon/words"
	"oauthd/ipc/api"
)

// logIn runs the logins that a person has agreed to, one after the other. If one fails, the person is asked again about the
// others: what stopped it may stop them too.
func (d *Desk) logIn(ctx context.Context, names []string, batch map[string]*asking, activation string) {
	for i, name := range names {
		a := batch[name]
		if !d.stands(name, a) {
			continue
		}
		err := d.login(ctx, name, a.want, activation)
		activation = "" // one program may take the focus by it
		switch underway := d.cfg.Accounts.Underway(name); {
		case err == nil && a.want != Want{}:
			d.bring(name, a)
		case err == nil:
		case underway != nil: // one that a person began elsewhere has taken over
			wait(ctx, a, underway)
			err = unanswered(name, a.want)
		case ctx.Err() == nil && d.needed(name, a):
			d.tell(words.SignInFailed(name, api.AsError(err)))
		}
		d.answered(name, a, err)
		if err != nil {
			for _, name := range names[i+1:] {
				d.queue(name, batch[name])
			}
			return
		}
	}
}

// login runs the login, in the browser of the person's session.
func (d *Desk) login(ctx context.Context, name string, w Want, activation string) error {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	err := d.cfg.Accounts.Login(ctx, name, w, func(e api.LoginEvent) {
		page := cmp.Or(e.ShortURL, e.URL)
		if e.Event == api.EventDevice {
			page = e.VerificationURI
			if e.VerificationURIComplete != "" {
				page = e.VerificationURIComplete
			}
			d.inBackground(func() { d.tell(words.DeviceCode(name, e)) })
		}
		if page == "" {
			return
		}
		d.inBackground(func() {
			if err := d.cfg.Desktop.Open(ctx, page, activation); err != nil && ctx.Err() == nil {
				d.cfg.Log.Warn().Err(err).Str("account", name).Msg("the browser could not be opened")
				fail(words.NoBrowser(name))
			}
		})
	})
	var cause *api.Error
	if err != nil && errors.As(context.Cause(ctx), &cause) {
		return cause
	}
	return err
}

// tell shows a text; that it cannot be shown does not matter.
func (d *Desk) tell(n words.Question) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := d.cfg.Desktop.Tell(ctx, n); err != nil {
		d.cfg.Log.Info().Err(err).Msg("a notification was not shown")
	}
}

// inBackground runs f, which Run waits for; after the end of Run it does nothing.
func (d *Desk) inBackground(f func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ctx != nil {
		d.work.Go(f)
	}
}
