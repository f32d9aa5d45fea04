package login

import (
	"context"
	"strconv"

	"oauthd/daemon/words"
	"oauthd/ipc/api"
)

// beginAnew is [Logins.Begin] for a login that takes over from any other.
func (l *Logins) beginAnew(ctx context.Context, name string, _ func(api.LoginEvent)) (own context.Context, s *Slot, done api.LoginEvent, err error) {
	own, s, err = l.Begin(ctx, name)
	return own, s, done, err
}

// enter is [Logins.Begin] for a login that other callers may want too. The slot is nil if there was no need to log in: another
// login of that account has ended meanwhile, which was under way or has made the account what it is, and done or err is how.
func (l *Logins) enter(ctx context.Context, name string, events func(api.LoginEvent)) (own context.Context, s *Slot, done api.LoginEvent, err error) {
	for {
		l.entering.Lock()
		l.slots.mu.Lock()
		other := l.slots.byAccount[name]
		l.slots.mu.Unlock()
		if f, _ := l.book.KnownFacts(name); other == nil && f.LoggedIn && !f.Dead {
			l.entering.Unlock()
			return ctx, nil, api.LoginEvent{Event: api.EventDone, Email: f.Email, Subject: f.Subject, ScopesGranted: f.Scopes}, nil
		}
		if other == nil {
			own, s, err = l.Begin(ctx, name)
			l.entering.Unlock()
			return own, s, done, err
		}
		l.entering.Unlock()
		events(words.LoginShared(name, other.id))
		select {
		case <-other.ended:
		case <-ctx.Done():
			return ctx, nil, done, ctx.Err()
		}
		if !other.abandoned && (other.err != errSuperseded || !other.wanted()) {
			return ctx, nil, other.done, other.err
		}
	}
}

// once returns the parameters of def's authorization request that are not saved.
func once(def api.AccountDefinition) map[string]string {
	params := map[string]string{}
	if def.ACRValues != "" {
		params["acr_values"] = def.ACRValues
	}
	if def.MaxAge != nil {
		params["max_age"] = strconv.FormatInt(*def.MaxAge, 10)
	}
	return params
}
