// Package narrow works out what a provider is asked for when a caller asks for a token that is good for less than its
// account: fewer scopes, one audience, one resource, or a part of Cloud Storage. It says by which of the three ways the
// token is had (a refresh, an exchange, a bound of Google's), asks no provider itself, and refuses what was never granted
// before anybody is asked for it.
package narrow

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"oauthd/daemon/account"
	"oauthd/daemon/book"
	"oauthd/daemon/grant/google"
	"oauthd/daemon/token"
	"oauthd/daemon/words"
	"oauthd/ipc/api"
)

// longest bounds what a caller may ask a token still to live.
const longest = 365 * 24 * time.Hour

// Narrower knows by its Book what was granted to each account. It is safe for concurrent use.
type Narrower struct {
	Book  *book.Book
	Store words.Store
}

// Request returns what the cache is asked for so that r, a caller's request for a token of a, gets what it names and no
// more.
func (n Narrower) Request(ctx context.Context, a account.Account, r api.TokenRequest) (token.Request, error) {
	request := token.Request{Key: token.Key{Account: a.Name}, Force: r.Force, IDToken: r.IDToken}
	if r.MinTTL != nil {
		ttl := time.Duration(min(max(*r.MinTTL, 0), int64(longest/time.Second))) * time.Second
		request.MinTTL = &ttl
	}
	switch scopes := strings.Fields(r.Scope); {
	case bounded(a, r.Audience, r.Resource):
		if err := n.bound(ctx, a, r, &request); err != nil {
			return request, err
		}
	case len(scopes) > 0 || r.Audience != "" || r.Resource != "":
		if len(scopes) > 0 {
			var err error
			if request.Key.Scopes, err = n.narrow(ctx, a, scopes); err != nil {
				return request, err
			}
		}
		request.Key.Audience, request.Key.Resource = r.Audience, r.Resource
		if err := n.exchanged(a, r, scopes, &request); err != nil {
			return request, err
		}
	}
	if r.IDToken && !a.Grant.HasClient() {
		request.Key.IDToken = true
		if a.Grant == account.GrantServiceAccount && r.Audience == "" && a.Audience == "" {
			return request, words.NoAudience()
		}
	}
	if !a.Grant.HasClient() && !r.IDToken && r.Scope != "" && request.Key.Audience != "" {
		return request, words.TwoTargets()
	}
	return request, nil
}

// Ceiling returns those of a rule's scopes that a token of a for audience or resource can have.
func (n Narrower) Ceiling(ctx context.Context, a account.Account, audience, resource string, scopes []string) ([]string, error) {
	if bounded(a, audience, resource) {
		return google.StorageScopes(scopes), nil
	}
	return n.grantedOf(ctx, a, scopes)
}

// grantedOf returns those of a ceiling's scopes that a has; all of them if none are known.
func (n Narrower) grantedOf(ctx context.Context, a account.Account, ceiling []string) ([]string, error) {
	f, err := n.Book.Facts(ctx, a.Name)
	if err != nil {
		return nil, n.Store.Problem(err)
	}
	p, err := n.Book.KnownProvider(a)
	if err != nil || f.Scopes == nil {
		return ceiling, err
	}
	return slices.DeleteFunc(slices.Clone(ceiling), func(s string) bool { return len(p.Covers(f.Scopes, []string{s})) > 0 }), nil
}

// narrow checks that wanted was granted, and returns the scopes to ask the provider for: wanted if the provider can
// narrow, else none, which is all that was granted, or of several resources the first.
func (n Narrower) narrow(ctx context.Context, a account.Account, wanted []string) (account.ScopeSet, error) {
	f, err := n.Book.Facts(ctx, a.Name)
	if err != nil {
		return account.ScopeSet{}, n.Store.Problem(err)
	}
	if !f.LoggedIn || f.Dead {
		return account.ScopeSet{}, words.LoginRequired(a.Name, "")
	}
	p, err := n.Book.KnownProvider(a)
	if err != nil {
		return account.ScopeSet{}, err
	}
	granted := a.Granted(f.Scopes)
	if missing := p.Covers(granted, wanted); len(missing) > 0 {
		if f.LoginScopes != nil && len(p.Covers(f.LoginScopes, missing)) == 0 {
			return account.ScopeSet{}, words.ScopeLost(a.Name, book.ProviderName(a), missing)
		}
		return account.ScopeSet{}, words.ScopeNotGranted(a.Name, missing)
	}
	if _, whole := p.OneResource(wanted); !whole {
		return account.ScopeSet{}, &api.Error{
			Code:    api.Unsupported,
			Message: fmt.Sprintf("a token of %s is for one resource, and these scopes belong to several", book.ProviderName(a)),
			Hint:    "ask for the scopes of one resource at a time",
		}
	}
	one, _ := p.OneResource(granted)
	narrows := n.Book.Narrows(p) || !a.Grant.Interactive() || exchanges(a, p)
	if !narrows || granted != nil && len(p.Covers(wanted, one)) == 0 {
		return account.ScopeSet{}, nil
	}
	return account.ScopeSetOf(wanted...), nil
}
