package daemon

import (
	"context"
	"errors"
	"strings"

	"oauthd/daemon/account"
	"oauthd/daemon/words"
	"oauthd/ipc/api"
	"oauthd/ipc/match"
)

// Match returns the account whose tokens may be used at url: a URL, or a host. user decides among several that may, ""
// leaves that to the user name in the URL.
func (d *Daemon) Match(ctx context.Context, url, user string) (api.Match, error) {
	place, err := match.ParsePlace(url)
	if err != nil {
		return api.Match{}, words.BadPlace(url, err)
	}
	rule, err := d.findRule(ctx, place, user, d.namesOf)
	var several *match.Ambiguous
	switch {
	case errors.As(err, &several):
		return api.Match{}, words.SeveralMatch(url, several.Accounts)
	case err != nil:
		return api.Match{}, words.NoMatch(url)
	}
	m := api.Match{Account: rule.Account, Pattern: rule.Pattern.String(), From: api.MatchFromProvider}
	if a, ok := d.book.Configured(rule.Account); ok && len(a.Hosts) > 0 {
		m.From, m.File = api.MatchFromAccount, a.File
	}
	return m, nil
}

// allowedAt returns an error if the tokens of a may not be used at url, or another account's are used there; "" is no place.
func (d *Daemon) allowedAt(ctx context.Context, a account.Account, url string) error {
	if url == "" {
		return nil
	}
	place, err := match.ParsePlace(url)
	if err != nil {
		return words.BadPlace(url, err)
	}
	itself := func(name string) []string { return []string{name} }
	rule, err := d.findRule(ctx, place, a.Name, itself)
	if err != nil || rule.Account != a.Name {
		return words.NotAllowedAt(a.Name, url, rule.Account)
	}
	return nil
}

// findRule returns the rule that answers for a place.
func (d *Daemon) findRule(ctx context.Context, place match.Place, user string, names func(string) []string) (match.Rule, error) {
	rule, err := match.Find(d.book.Rules(), place, user, names)
	if errors.Is(err, match.ErrNone) {
		d.book.Reread(ctx) // it may have been written just now
		rule, err = match.Find(d.book.Rules(), place, user, names)
	}
	return rule, err
}

// namesOf returns the names by which a request may mean the account of that name: its own, and the person's.
func (d *Daemon) namesOf(account string) []string {
	names := []string{account}
	if f, known := d.book.KnownFacts(account); known {
		names = append(names, f.Email, f.Subject)
		if local, _, ok := strings.Cut(f.Email, "@"); ok {
			names = append(names, local)
		}
	}
	return names
}
