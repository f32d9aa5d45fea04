package book

import (
	"context"
	"errors"
	"strings"
	"sync"

	"oauthd/daemon/account"
	"oauthd/daemon/config"
	"oauthd/daemon/words"
	"oauthd/ipc/api"
	"oauthd/ipc/match"
)

// ruleBook has the rules of a configuration worked out once.
type ruleBook struct {
	mu    sync.Mutex // guards the fields below
	of    *config.Config
	rules []match.Rule
}

// rules returns where each account's tokens may be used. Do not change them.
func (b *Book) rules() []match.Rule {
	c := b.current()
	b.places.mu.Lock()
	defer b.places.mu.Unlock()
	if b.places.of == c {
		return b.places.rules
	}
	rules := []match.Rule{}
	for _, name := range c.Names() {
		a, _ := c.Account(name)
		hosts := a.Hosts
		if len(hosts) == 0 {
			if p, err := b.KnownProvider(a); err == nil {
				hosts = p.Hosts
			}
		}
		for _, text := range hosts {
			if p, err := match.ParsePattern(text); err == nil { // it was checked when it was read
				rules = append(rules, match.Rule{Account: name, Pattern: p})
			}
		}
	}
	b.places.of, b.places.rules = c, rules
	return rules
}

// Match returns the account whose tokens may be used at url: a URL, or a host. user decides among several that may, ""
// leaves that to the user name in the URL.
func (b *Book) Match(ctx context.Context, url, user string) (api.Match, error) {
	place, err := match.ParsePlace(url)
	if err != nil {
		return api.Match{}, words.BadPlace(url, err)
	}
	rule, err := b.findRule(ctx, place, user, b.namesOf)
	var several *match.Ambiguous
	switch {
	case errors.As(err, &several):
		return api.Match{}, words.SeveralMatch(url, several.Accounts)
	case err != nil:
		return api.Match{}, words.NoMatch(url)
	}
	m := api.Match{Account: rule.Account, Pattern: rule.Pattern.String(), From: api.MatchFromProvider}
	if a, ok := b.Configured(rule.Account); ok && len(a.Hosts) > 0 {
		m.From, m.File = api.MatchFromAccount, a.File
	}
	return m, nil
}

// AllowedAt returns an error if the tokens of a may not be used at url, or another account's are used there; "" is no place.
func (b *Book) AllowedAt(ctx context.Context, a account.Account, url string) error {
	if url == "" {
		return nil
	}
	place, err := match.ParsePlace(url)
	if err != nil {
		return words.BadPlace(url, err)
	}
	itself := func(name string) []string { return []string{name} }
	rule, err := b.findRule(ctx, place, a.Name, itself)
	if err != nil || rule.Account != a.Name {
		return words.NotAllowedAt(a.Name, url, rule.Account)
	}
	return nil
}

// findRule returns the rule that answers for a place.
func (b *Book) findRule(ctx context.Context, place match.Place, user string, names func(string) []string) (match.Rule, error) {
	rule, err := match.Find(b.rules(), place, user, names)
	if errors.Is(err, match.ErrNone) {
		b.Reread(ctx) // it may have been written just now
		rule, err = match.Find(b.rules(), place, user, names)
	}
	return rule, err
}

// namesOf returns the names by which a request may mean the account of that name: its own, and the person's.
func (b *Book) namesOf(name string) []string {
	names := []string{name}
	if f, known := b.KnownFacts(name); known {
		names = append(names, f.Email, f.Subject)
		if local, _, ok := strings.Cut(f.Email, "@"); ok {
			names = append(names, local)
		}
	}
	return names
}
