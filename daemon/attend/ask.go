package attend

import (
	"context"
	"errors"
	"time"

	"oauthd/daemon/words"
	"oauthd/ipc/api"
)

// asking is what is wanted of a person about one account: an answer, and the login that follows.
type asking struct {
	want Want
	// before is when the person had logged in before; a later login is one that they began elsewhere.
	before time.Time
	// done is closed when there is an answer; err is then why the account still needs a login, nil if it does not.
	done chan struct{}
	err  error
	// callers is how many wait; guarded by Desk.mu, as are the next fields.
	callers int
	// brought is true once there has been a login that may have brought what is wanted.
	brought bool
	// queued is true while it waits for the person's answer.
	queued bool
}

// Await has a person asked to log in to the account of that name, which a caller wants a token of, and waits until that
// has been done. Callers that wait for the same account share one question, whatever they want. The error is nil if it is
// worth another try to get the token; ErrNobody if there is nobody to ask; else why there was no login, or the end of ctx.
func (d *Desk) Await(ctx context.Context, name string, w Want) error {
	s, known := d.cfg.Accounts.Standing(name)
	switch {
	case !known, w == Want{} && s.State != api.StateLoginRequired:
		return nil
	case w != Want{} && s.Grant != "authorization_code" && s.Grant != "device_code": // there is no person who could agree
		return ErrNobody
	}
	a := d.ask(name, w, s.LoggedInAt, true)
	if a == nil {
		return ErrNobody
	}
	d.join(name, a, 1)
	defer d.join(name, a, -1)
	select {
	case <-a.done:
		return a.err
	case <-ctx.Done():
		if w.Scopes != "" {
			return words.MoreScopesAwaited(name, w.Scopes)
		}
		return words.LoginAwaited(name)
	}
}

// ErrNobody means that nobody can be asked, or that somebody has just been asked.
var ErrNobody = errors.New("attend: there is nobody to ask")

func (d *Desk) join(name string, a *asking, by int) {
	d.mu.Lock()
	a.callers += by
	d.mu.Unlock()
	d.cfg.Changed(name)
}

// ask returns the question about the account of that name, asked now if it is not being asked; nil if it cannot be.
// loggedIn is when the person logged in last. A caller wants it, or it is our own idea.
func (d *Desk) ask(name string, w Want, loggedIn time.Time, caller bool) *asking {
	underway := d.cfg.Accounts.Underway(name)
	d.mu.Lock()
	a := d.asking[name]
	switch {
	case a != nil:
		d.mu.Unlock()
		return a
	case d.ctx == nil || underway == nil && d.cfg.Desktop == nil, caller && d.restsLocked(name, w, loggedIn):
		d.mu.Unlock()
		return nil
	}
	a = &asking{want: w, before: loggedIn, done: make(chan struct{})}
	d.asking[name] = a
	ctx := d.ctx
	d.work.Go(func() {
		if underway != nil {
			wait(ctx, a, underway)
			if w != (Want{}) {
				d.bring(name, a) // whether it did is for the next try to say
				return
			}
		}
		d.queue(name, a)
	})
	d.mu.Unlock()
	d.cfg.Changed(name)
	return a
}

// queue has the person asked about an account that still needs a login.
func (d *Desk) queue(name string, a *asking) {
	if d.cfg.Desktop == nil || !d.needed(name, a) {
		d.answered(name, a, unanswered(name, a.want))
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
	if !d.needed(name, a) {
		err = nil // somebody logged in elsewhere meanwhile
	}
	s, _ := d.cfg.Accounts.Standing(name)
	d.mu.Lock()
	if d.asking[name] != a {
		d.mu.Unlock()
		return
	}
	delete(d.asking, name)
	if delete(d.paused, name); err != nil || a.want != (Want{}) {
		d.paused[name] = rest{until: d.cfg.Now().Add(pause), want: a.want, refused: err != nil, loggedIn: s.LoggedInAt}
	}
	a.err = err
	if a.queued {
		d.requeueLocked()
	}
	d.mu.Unlock()
	close(a.done)
	d.cfg.Changed(name)
}

// restsLocked reports whether no caller may raise a question about the account of that name, because
// the person has just refused, or has agreed to the same thing and it did not help.
func (d *Desk) restsLocked(name string, w Want, loggedIn time.Time) bool {
	r, ok := d.paused[name]
	return ok && d.cfg.Now().Before(r.until) && r.loggedIn.Equal(loggedIn) && (r.refused || r.want == w)
}

// unanswered is why an account still needs a login if nobody has answered.
func unanswered(name string, w Want) *api.Error {
	if w.Scopes != "" {
		return words.MoreScopesRefused(name, w.Scopes, "")
	}
	return words.LoginRequired(name, "")
}

// settle ends what is wanted about the account of that name, which is how s says, unless it is still needed.
func (d *Desk) settle(name string, s Standing) {
	d.mu.Lock()
	a := d.asking[name]
	d.mu.Unlock()
	switch {
	case a == nil:
	case !d.needed(name, a): // s may be older than the question
		d.answered(name, a, nil)
	case a.want != Want{} && !s.LoggedInAt.Equal(a.before):
		d.bring(name, a)
	}
}

// bring ends what is wanted about an account, because there has been a login.
func (d *Desk) bring(name string, a *asking) {
	d.mu.Lock()
	a.brought = true
	d.mu.Unlock()
	d.answered(name, a, nil)
}

// needed reports whether what a wants still needs a login to the account of that name.
func (d *Desk) needed(name string, a *asking) bool {
	s, known := d.cfg.Accounts.Standing(name)
	if a.want == (Want{}) || !known {
		return known && s.State == api.StateLoginRequired
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return !a.brought
}

// wait waits for the end of a login that somebody else runs, as long as it matters to a.
func wait(ctx context.Context, a *asking, ended <-chan struct{}) {
	select {
	case <-ended:
	case <-a.done:
	case <-ctx.Done():
	}
}
