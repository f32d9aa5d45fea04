package files

import (
	"context"
	"errors"
	"slices"
	"time"

	"oauthd/daemon/account"
	"oauthd/ipc/api"
)

const (
	// patience bounds the wait for one token.
	patience = time.Minute
	// lead is how long before its end a token is replaced at the latest; the cache has mostly done it before.
	lead = 55 * time.Second
	// retryAfter is when a token that could not be had for now is asked for again, if nobody knows better.
	retryAfter = 30 * time.Second
	// minPause stands between two looks, whatever a provider says.
	minPause = time.Second
)

// withheld are the answers after which a file must not hold what the socket refuses. After all others it stays as it is.
var withheld = []api.Code{api.LoginRequired, api.ScopeNotGranted, api.SubjectMismatch, api.PolicyDenied, api.Locked, api.UnknownAccount}

// maintain keeps e's file up to date until e.ctx ends. Its first look comes after a while.
func (k *Keeper) maintain(e *entry, next time.Duration) {
	for {
		var tick <-chan time.Time
		timer := time.NewTimer(next)
		if next >= 0 {
			tick = timer.C
		}
		select {
		case <-tick:
		case <-e.wake:
		case <-e.ctx.Done():
			timer.Stop()
			return
		}
		timer.Stop()
		next = k.refresh(e)
	}
}

// refresh looks for another token, and returns when to look again, a negative number for when something changes.
func (k *Keeper) refresh(e *entry) (next time.Duration) {
	for e.ctx.Err() == nil {
		c := k.chance(e)
		next, err := k.attempt(e.ctx, e, c)
		switch {
		case err == nil:
			return next
		case errors.Is(err, errOvertaken):
			continue
		case e.ctx.Err() == nil:
			return k.failed(e, c, err)
		}
	}
	return -1
}

// chance is what a token is asked for with, to be noticed if it has been overtaken by the time it comes.
type chance struct {
	request api.FileRequest
	version int
	epoch   uint64
	// redefines says that the request is to become the entry's.
	redefines bool
	// caller is who asks; the zero value for the daemon itself.
	caller account.Caller
}

func (k *Keeper) chance(e *entry) chance {
	k.mu.Lock()
	defer k.mu.Unlock()
	return chance{request: e.request, version: e.version, epoch: k.epoch, caller: e.caller}
}

// attempt asks for the token, writes it, and returns when to look again.
func (k *Keeper) attempt(ctx context.Context, e *entry, c chance) (next time.Duration, err error) {
	if c.caller.PID != 0 {
		ctx = account.WithCaller(ctx, c.caller)
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	t, err := k.cfg.Token(ctx, c.request.Token())
	if err != nil {
		return -1, err
	}
	form := c.request.Form()
	if form.WantsUser() {
		if form.User, err = k.user(ctx, c.request.Account); err != nil {
			return -1, err
		}
	}
	text, err := form.Text(t)
	if err != nil {
		return -1, err
	}
	end := expiry(t, form)
	if err := k.write(ctx, e, c, content{text: text, end: end, secrets: []string{t.AccessToken, t.IDToken, text}}); err != nil {
		return -1, err
	}
	return k.next(end, c.request.MinTTL), nil
}

// user returns whose account that is, for a form that wants to know.
func (k *Keeper) user(ctx context.Context, name string) (string, error) {
	a, err := k.cfg.Account(ctx, name)
	if err != nil {
		return "", err
	}
	for _, user := range []string{a.Email, a.Subject} {
		if user != "" {
			return user, nil
		}
	}
	return "", api.NoUser(name)
}

// expiry returns when what form shows of t ends; nil if that is not known.
func expiry(t api.Token, form api.Form) *time.Time {
	if form.WantsIDToken() && t.IDTokenExpiresAt != nil && (t.ExpiresAt == nil || t.IDTokenExpiresAt.Before(*t.ExpiresAt)) {
		return t.IDTokenExpiresAt
	}
	return t.ExpiresAt
}

// next returns how long a token that ends then can stay. One that lives for as long as was asked does until it no longer
// does; of a provider that never gives such, each lives for half of its time.
func (k *Keeper) next(end *time.Time, minTTL *int64) time.Duration {
	if end == nil {
		return -1
	}
	left := end.Sub(k.cfg.Now())
	before := min(lead, left/5)
	if minTTL != nil {
		wanted := time.Duration(min(*minTTL, int64(365*24*time.Hour/time.Second))) * time.Second
		before = max(before, min(wanted-min(wanted/10, 5*time.Second), left/2))
	}
	return max(left-before, minPause)
}

// failed notes why there is no token, takes the file away if that has to be, and returns when to look again.
func (k *Keeper) failed(e *entry, c chance, err error) (next time.Duration) {
	problem := api.AsError(err)
	if slices.Contains(withheld, problem.Code) {
		if err := k.remove(e.ctx, e); err != nil {
			problem = api.AsError(err)
		}
	}
	k.mu.Lock()
	current := e.version == c.version && k.epoch == c.epoch
	news := current && (e.state.LastError == nil || e.state.LastError.Message != problem.Message)
	if current {
		e.state.LastError = problem
	}
	k.mu.Unlock()
	if news {
		account.LogError(k.cfg.Log.Warn(), err).Str("account", c.request.Account).Str("file", e.path).Msg("a token file is not up to date")
	}
	switch {
	case !current:
		return 0
	case problem.RetryAfter > 0:
		return time.Duration(problem.RetryAfter) * time.Second
	case slices.Contains(withheld, problem.Code):
		return -1
	}
	return retryAfter
}
