package attend

import (
	"cmp"
	"context"
	"errors"
	"time"

	"oauthd/daemon/words"
	"oauthd/ipc/api"
)

// asking is one question to a person, and the login that follows.
type asking struct {
	// settle ends the question, because the account needs no login any more.
	settle context.CancelFunc
	// done is closed when there is an answer; err is then why the account still needs a login, nil if it does not.
	done chan struct{}
	err  error
	// callers is how many wait; guarded by Desk.mu.
	callers int
}

// Await has a person asked to log in to the account of that name, which a caller wants a token of, and waits until that
// has been done. Callers that wait for the same account share one question. The error is nil if a token can be had now;
// ErrNobody if there is nobody to ask; else why there was no login, or the end of ctx.
func (d *Desk) Await(ctx context.Context, name string) error {
	s, known := d.cfg.Accounts.Standing(name)
	if !known || s.State != api.StateLoginRequired {
		return nil
	}
	a := d.ask(name, s, true)
	if a == nil {
		return ErrNobody
	}
	d.join(name, a, 1)
	defer d.join(name, a, -1)
	select {
	case <-a.done:
		return a.err
	case <-ctx.Done():
		return words.LoginAwaited(name)
	}
}

// ErrNobody means that nobody can be asked, or has just dismissed the question.
var ErrNobody = errors.New("attend: there is nobody to ask")

func (d *Desk) join(name string, a *asking, by int) {
	d.mu.Lock()
	a.callers += by
	d.mu.Unlock()
	d.cfg.Changed(name)
}

// ask returns the question about the account of that name, asked now if it is not being asked; nil if it cannot be.
// A caller wants it, or it is our own idea.
func (d *Desk) ask(name string, s Standing, caller bool) *asking {
	openBrowser := d.cfg.Settings().OpenBrowser
	underway := d.cfg.Accounts.Underway(name)
	d.mu.Lock()
	a := d.asking[name]
	switch {
	case a != nil:
		d.mu.Unlock()
		return a
	case d.ctx == nil || underway == nil && d.cfg.Desktop == nil, caller && d.cfg.Now().Before(d.paused[name]):
		d.mu.Unlock()
		return nil
	}
	question, settle := context.WithCancel(d.ctx)
	a = &asking{settle: settle, done: make(chan struct{})}
	d.asking[name] = a
	ctx := d.ctx
	d.work.Go(func() {
		defer settle()
		if underway != nil {
			wait(question, underway)
		}
		if !d.required(name) {
			d.answered(name, a, nil)
			return
		}
		d.answered(name, a, d.hold(ctx, question, name, s, openBrowser))
	})
	d.mu.Unlock()
	d.cfg.Changed(name)
	return a
}

// answered ends a question.
func (d *Desk) answered(name string, a *asking, err error) {
	if err != nil && !d.required(name) {
		err = nil // somebody logged in elsewhere meanwhile
	}
	d.mu.Lock()
	delete(d.asking, name)
	if delete(d.paused, name); err != nil {
		d.paused[name] = d.cfg.Now().Add(pause)
	}
	a.err = err
	d.mu.Unlock()
	close(a.done)
	d.cfg.Changed(name)
}

// hold asks, and runs the login if the person agrees; question ends when it is settled otherwise. It returns why the account
// still needs a login.
func (d *Desk) hold(ctx, question context.Context, name string, s Standing, openBrowser bool) error {
	var activation string
	if d.cfg.Desktop == nil {
		return words.LoginRequired(name, "")
	}
	if !openBrowser {
		answer, err := d.cfg.Desktop.Ask(question, words.SignIn(s.Account))
		if question.Err() != nil {
			return words.LoginRequired(name, "")
		}
		if err != nil {
			d.cfg.Log.Info().Err(err).Str("account", name).Msg("nobody can be asked to log in")
			return words.LoginRequired(name, "")
		}
		if !answer.Agreed {
			return words.LoginDismissed(name)
		}
		activation = answer.Activation
	}
	err := d.login(ctx, name, activation)
	if underway := d.cfg.Accounts.Underway(name); err != nil && underway != nil {
		wait(question, underway) // one that a person began elsewhere has taken over
		return words.LoginRequired(name, "")
	}
	if err != nil && ctx.Err() == nil && d.required(name) {
		d.tell(words.SignInFailed(name, api.AsError(err)))
	}
	return err
}

// login runs the login, in the browser of the person's session.
func (d *Desk) login(ctx context.Context, name, activation string) error {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	err := d.cfg.Accounts.Login(ctx, name, func(e api.LoginEvent) {
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

// settle ends the question about the account of that name, if there is one.
func (d *Desk) settle(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if a := d.asking[name]; a != nil {
		a.settle()
	}
}

// required reports whether the account of that name still needs a login.
func (d *Desk) required(name string) bool {
	s, known := d.cfg.Accounts.Standing(name)
	return known && s.State == api.StateLoginRequired
}

func wait(ctx context.Context, ended <-chan struct{}) {
	select {
	case <-ended:
	case <-ctx.Done():
	}
}
