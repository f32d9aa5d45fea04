package daemon

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"oauthd/daemon/account"
	"oauthd/daemon/admit"
	"oauthd/daemon/attend"
	"oauthd/daemon/audit"
	"oauthd/daemon/book"
	"oauthd/daemon/token"
	"oauthd/daemon/words"
	"oauthd/ipc/api"
)

// maxWaits is how often an interactive request waits for a login. A forced request of another caller may make an account
// look for a moment as if it needed none.
const maxWaits = 3

// Token answers a token request: from the cache when it holds a fresh one, else from the provider. If a login is needed, an
// interactive request waits for a person.
func (d *Daemon) Token(ctx context.Context, r api.TokenRequest) (api.Token, error) {
	t, _, err := d.answer(ctx, r)
	return t, err
}

// answer is Token, with what the caller was admitted with.
func (d *Daemon) answer(ctx context.Context, r api.TokenRequest) (t api.Token, admitted admit.Pass, err error) {
	d.autolock.Used()
	if r.Account == "" && r.URL != "" {
		m, err := d.book.Match(ctx, r.URL, "")
		if err != nil {
			return api.Token{}, admitted, err
		}
		r.Account, r.URL = m.Account, ""
	}
	t, admitted, err = d.token(ctx, r)
	for tries := 0; tries < maxWaits && r.Interactive; tries++ {
		w, wanted := wants(r, err)
		if !wanted || w.Scopes != "" && d.book.LoginOf(r.Account) != r.Account {
			break
		}
		waited := d.attend.Await(ctx, d.book.LoginOf(r.Account), w)
		if errors.Is(waited, attend.ErrNobody) && err == nil {
			waited = words.StrongerLogin(r.Account)
		}
		if waited != nil {
			if !errors.Is(waited, attend.ErrNobody) {
				t, err = api.Token{}, waited
			}
			break
		}
		if err == nil || w.Scopes != "" { // and not merely because the login had ended
			r.ACRValues, r.MaxAge = "", nil
		}
		r.Force = false // the login has brought a new token
		t, admitted, err = d.token(ctx, r)
	}
	if unwritten := d.auditToken(ctx, r, admitted, t, err); unwritten != nil {
		d.guard.Return(admitted)
		return api.Token{}, admitted, unwritten
	}
	return t, admitted, err
}

// wants returns what a person is to be asked for by a request that came to err; wanted is false if that is nothing.
func wants(r api.TokenRequest, err error) (w attend.Want, wanted bool) {
	if r.MaxAge != nil {
		w.MaxAge = strconv.FormatInt(*r.MaxAge, 10)
	}
	w.ACRValues = r.ACRValues
	switch {
	case err == nil:
		return w, w != attend.Want{}
	case errors.Is(err, &api.Error{Code: api.LoginRequired}):
		return attend.Want{}, true
	case errors.Is(err, &api.Error{Code: api.ScopeNotGranted}):
		scopes := strings.Fields(r.Scope)
		if slices.ContainsFunc(scopes, func(scope string) bool { return account.CheckScope(scope) != nil }) {
			return w, false // no login could ask for it
		}
		slices.Sort(scopes)
		w.Scopes = strings.Join(slices.Compact(scopes), " ")
		return w, w.Scopes != ""
	}
	return w, false
}

// token returns a token that the caller may have, and what admitted it.
func (d *Daemon) token(ctx context.Context, r api.TokenRequest) (t api.Token, admitted admit.Pass, err error) {
	defer func() {
		if err != nil {
			d.guard.Return(admitted)
		}
	}()
	a, err := d.book.Account(ctx, r.Account)
	if err != nil {
		return api.Token{}, admitted, err
	}
	if err := d.vault.Gate().Err(); err != nil {
		return api.Token{}, admitted, words.Locked(err)
	}
	if err := d.book.AllowedAt(ctx, a, r.URL); err != nil {
		return api.Token{}, admitted, err
	}
	if admitted, err = d.guard.Admit(ctx, a, &r); err != nil {
		return api.Token{}, admitted, err
	}
	request, err := d.narrow.Request(ctx, a, r)
	if err != nil {
		return api.Token{}, admitted, err
	}
	if r.Force {
		if err := d.mint.Retry(ctx, a); err != nil {
			return api.Token{}, admitted, err
		}
	}
	if r.Force && request.Key.Exchanged {
		// What it was made of may be what does not work.
		if _, err := d.tokens.Token(ctx, token.Request{Key: token.Key{Account: a.Name}, Force: true}); err != nil {
			return api.Token{}, admitted, words.Token(a, book.ProviderName(a), d.now(), err)
		}
	}
	t, err = d.tokens.Answer(ctx, request)
	if err != nil {
		return api.Token{}, admitted, words.Token(a, book.ProviderName(a), d.now(), err)
	}
	if err := d.guard.Within(a, admitted, t); err != nil {
		return api.Token{}, admitted, err
	}
	return t, admitted, nil
}

// auditToken writes down that a caller was given a token, or was refused one. The error means that the token must not be
// handed out.
func (d *Daemon) auditToken(ctx context.Context, r api.TokenRequest, pass admit.Pass, t api.Token, failed error) error {
	if failed != nil {
		var e *api.Error
		if !errors.As(failed, &e) || e.Code != api.PolicyDenied {
			return nil
		}
	}
	u := audit.Use{
		Account: r.Account, Scope: r.Scope, Audience: r.Audience, Resource: r.Resource, Caller: pass.Caller, Token: t.AccessToken,
		Granted: t.Scope, Refused: failed,
	}
	u.Rule, u.Line = pass.Rule()
	if err := d.audit.Token(ctx, u); err != nil && d.book.AuditRequired() && failed == nil {
		return words.NotAudited(err)
	}
	return nil
}
