package attend

import (
	"context"
	"errors"

	"oauthd/daemon/words"
	"oauthd/ipc/api"
)

// asking is what is wanted of a person about one account: an answer, and the login that follows.
type asking struct {
	// done is closed when there is an answer; err is then why the account still needs a login, nil if it does not.
	done chan struct{}
	err  error
	// callers is how many wait; guarded by Desk.mu, as is the next field.
	callers int
	// queued is true while it waits for the person's answer.
	queued bool
}

// Await has a person asked to log in to the account of that name, which a caller wants a token of, and waits until that
// has been done. Callers that wait for the same account share one question. The error is nil if a token can be had now;
// ErrNobody if there is nobody to ask; else why there was no login, or the end of ctx.
func (d *Desk) Await(ctx context.Context, name string) error {
	s, known := d.cfg.Accounts.Standing(name)
	if !known || s.State != api.StateLoginRequired {
		return nil
	}
	a := d.ask(name, true)
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
func (d *Desk) ask(name string, caller bool) *asking {
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
	a = &asking{done: make(chan struct{})}
	d.asking[name] = a
	ctx := d.ctx
	d.work.Go(func() {
		if underway != nil {
			wait(ctx, a, underway)
		}
		d.queue(name, a)
	})
	d.mu.Unlock()
	d.cfg.Changed(name)
	return a
}

// queue has the person asked about an account that still needs a login.
func (d *Desk) queue(name string, a *asking) {
	if d.cfg.Desktop == nil || !d.required(name) {
		d.answered(name, a, words.LoginRequired(name, ""))
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ctx == nil || d.asking[name] != a {
		return
	}
	a.queued = true
	d.requeueLocked()
	if ctx := d.ctx; !d.posing {
		d.posing = true
		d.work.Go(func() { d.pose(ctx) })
	}
}

// answered ends what is wanted about an account; err is why it still needs a login. The first answer counts.
func (d *Desk) answered(name string, a *asking, err error) {
	if !d.required(name) {
		err = nil // somebody logged in elsewhere meanwhile
	}
	d.mu.Lock()
	if d.asking[name] != a {
		d.mu.Unlock()
		return
	}
	delete(d.asking, name)
	if delete(d.paused, name); err != nil {
		d.paused[name] = d.cfg.Now().Add(pause)
	}
	a.err = err
	if a.queued {
		d.requeueLocked()
	}
	d.mu.Unlock()
	close(a.done)
	d.cfg.Changed(name)
}

// settle ends what is wanted about the account of that name, if something is.
func (d *Desk) settle(name string) {
	d.mu.Lock()
	a := d.asking[name]
	d.mu.Unlock()
	if a != nil {
		d.answered(name, a, words.LoginRequired(name, ""))
	}
}

// required reports whether the account of that name still needs a login.
func (d *Desk) required(name string) bool {
	s, known := d.cfg.Accounts.Standing(name)
	return known && s.State == api.StateLoginRequired
}

// wait waits for the end of a login that somebody else runs, as long as it matters to a.
func wait(ctx context.Context, a *asking, ended <-chan struct{}) {
	select {
	case <-ended:
	case <-a.done:
	case <-ctx.Done():
	}
}
