package book

import (
	"sync"

	"oauthd/daemon/config"
	"oauthd/ipc/match"
)

// ruleBook has the rules of a configuration worked out once.
type ruleBook struct {
	mu    sync.Mutex // guards the fields below
	of    *config.Config
	rules []match.Rule
}

// Rules returns where each account's tokens may be used. Do not change them.
func (b *Book) Rules() []match.Rule {
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
