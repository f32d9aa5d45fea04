package daemon

import (
	"context"
	"errors"
	"strings"

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
	rule, err := match.Find(d.book.Rules(), place, user, d.namesOf)
	if errors.Is(err, match.ErrNone) {
		d.book.Reread(ctx) // it may have been written just now
		rule, err = match.Find(d.book.Rules(), place, user, d.namesOf)
	}
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
