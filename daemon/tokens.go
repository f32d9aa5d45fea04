package daemon

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"oauthd/daemon/account"
	"oauthd/daemon/attend"
	"oauthd/daemon/book"
	"oauthd/daemon/token"
	"oauthd/daemon/words"
	"oauthd/ipc/api"
)

// Token answers a token request: from the cache when it holds a fresh one, else from the provider. If a login is needed, an
// interactive request waits for a person.
func (d *Daemon) Token(ctx context.Context, r api.TokenRequest) (api.Token, error) {
	if r.URL != "" {
		m, err := d.Match(ctx, r.URL, "")
		if err != nil {
			return api.Token{}, err
		}
		r.Account, r.URL = m.Account, ""
	}
	t, err := d.token(ctx, r)
	if !r.Interactive || !errors.Is(err, &api.Error{Code: api.LoginRequired}) {
		return t, err
	}
	switch waited := d.attend.Await(ctx, r.Account); {
	case errors.Is(waited, attend.ErrNobody):
		return t, err
	case waited != nil:
		return t, waited
	}
	return d.token(ctx, r)
}

func (d *Daemon) token(ctx context.Context, r api.TokenRequest) (api.Token, error) {
	a, err := d.book.Account(ctx, r.Account)
	if err != nil {
		return api.Token{}, err
	}
	if err := d.vault.Gate().Err(); err != nil {
		return api.Token{}, words.Locked(err)
	}
	request := token.Request{Key: token.Key{Account: a.Name}, Force: r.Force, IDToken: r.IDToken}
	if r.MinTTL != nil {
		ttl := time.Duration(min(max(*r.MinTTL, 0), int64(365*24*time.Hour/time.Second))) * time.Second
		request.MinTTL = &ttl
	}
	if r.Scope != "" {
		if request.Key.Scope, err = d.narrow(ctx, a, strings.Fields(r.Scope)); err != nil {
			return api.Token{}, err
		}
	}
	request.Key.Audience, request.Key.Resource = r.Audience, r.Resource
	if r.IDToken && !a.Grant.HasClient() {
		request.Key.IDToken = true
		if a.Grant == account.GrantServiceAccount && r.Audience == "" && a.Audience == "" {
			return api.Token{}, words.NoAudience()
		}
	}
	if !a.Grant.HasClient() && !r.IDToken && r.Scope != "" && r.Audience != "" {
		return api.Token{}, words.TwoTargets()
	}
	if r.Force {
		if err := d.mint.Retry(ctx, a); err != nil {
			return api.Token{}, err
		}
	}
	t, err := d.tokens.Answer(ctx, request)
	if err != nil {
		return api.Token{}, words.Token(a, book.ProviderName(a), d.now(), err)
	}
	return t, nil
}

// narrow checks that wanted was granted, and returns the scope to ask the provider for: wanted where the provider can
// narrow, else "", which is all that was granted, or of several resources the first.
func (d *Daemon) narrow(ctx context.Context, a account.Account, wanted []string) (string, error) {
	f, err := d.book.Facts(ctx, a.Name)
	if err != nil {
		return "", d.store.Problem(err)
	}
	if !f.LoggedIn || f.Dead {
		return "", words.LoginRequired(a.Name, "")
	}
	p, err := d.book.KnownProvider(a)
	if err != nil {
		return "", err
	}
	granted := f.Scopes
	if granted == nil {
		granted = a.Scopes // the provider never said otherwise (RFC 6749 §5.1)
	}
	if missing := p.Covers(granted, wanted); len(missing) > 0 {
		if f.LoginScopes != nil && len(p.Covers(f.LoginScopes, missing)) == 0 {
			return "", words.ScopeLost(a.Name, book.ProviderName(a), missing)
		}
		return "", words.ScopeNotGranted(a.Name, missing)
	}
	if _, whole := p.OneResource(wanted); !whole {
		return "", &api.Error{
			Code:    api.Unsupported,
			Message: fmt.Sprintf("a token of %s is for one resource, and these scopes belong to several", book.ProviderName(a)),
			Hint:    "ask for the scopes of one resource at a time",
		}
	}
	one, _ := p.OneResource(granted)
	narrows := d.book.Narrows(p) || !a.Grant.Interactive()
	if !narrows || granted != nil && len(p.Covers(wanted, one)) == 0 {
		return "", nil
	}
	slices.Sort(wanted)
	return strings.Join(slices.Compact(wanted), " "), nil
}
