package config

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"oauthd/daemon/account"
	"oauthd/ipc/api"
)

// grant is what the keys say of how credentials are obtained.
func (k accountKeys) grant() account.Grant {
	if k.Via != "" && k.Grant == "" {
		return account.GrantIdentityAssertion
	}
	return cmp.Or(account.Grant(k.Grant), account.GrantAuthorizationCode)
}

// checkExchange reports keys of exchanged tokens that mean nothing with grant.
func (k accountKeys) checkExchange(s *source, grant account.Grant) {
	if k.TokenExchange && !grant.Interactive() {
		s.add(s.line("", "token_exchange"), "token_exchange is for grants with a person; others ask for a narrower token to begin with")
	}
	switch via := grant == account.GrantIdentityAssertion; {
	case via && k.Via == "":
		s.add(s.line("", "grant"), `grant = "identity_assertion" needs via, the account whose login it exchanges`)
	case !via && k.Via != "":
		s.add(s.line("", "via"), `via is for grant = "identity_assertion", which it means by itself`)
	case via && k.Issuer == "" && k.Provider == "":
		s.add(s.line("", "via"), "an account with via needs issuer: the assertion is for that server alone")
	}
	s.check("", "via", k.Via, account.CheckName)
}

// settleVia takes the accounts that have their tokens via another one in or out, depending on what that is now, and returns
// what is wrong with them.
func (c *Config) settleVia() (wrong []Mistake) {
	c.through = nil
	for name, f := range c.files {
		if f.through == nil {
			continue
		}
		if text := c.viaMistake(name, f.through.Via); text != "" {
			wrong = append(wrong, Mistake{File: AccountFile(c.dir, name), Line: f.throughLine, Text: "via: " + text})
			delete(c.Accounts, name)
			continue
		}
		if c.Accounts[name] != f.through && !reflect.DeepEqual(c.Accounts[name], f.through) {
			c.Accounts[name] = f.through
		}
		if c.through == nil {
			c.through = map[string][]string{}
		}
		c.through[f.through.Via] = append(c.through[f.through.Via], name)
	}
	for _, names := range c.through {
		slices.Sort(names)
	}
	return wrong
}

// viaMistake returns why name cannot have its tokens via another account, or "". Only an account with a login of its own
// will do, so that a way via several accounts is wrong whether or not it comes back.
func (c *Config) viaMistake(name, via string) string {
	if f := c.files[via]; f != nil && f.through != nil {
		way := []string{name}
		for at := via; ; at = f.through.Via {
			if slices.Contains(way, at) {
				return strings.Join(append(way, at), " → ") + " goes round in a circle"
			}
			way = append(way, at)
			if f = c.files[at]; f == nil || f.through == nil {
				return fmt.Sprintf("%s has no login of its own; write via = %q", via, at)
			}
		}
	}
	a, ok := c.Accounts[via]
	switch {
	case !ok:
		return fmt.Sprintf("there is no account %q", via)
	case !a.Grant.Interactive():
		return fmt.Sprintf("%s is an account without a person, whose login it could exchange", via)
	}
	return ""
}

// CheckAudience refuses an audience that is meant to be a part of Cloud Storage, and is not written as one.
func CheckAudience(audience string) error {
	if !account.IsStorage(audience) {
		return nil
	}
	if _, err := account.ParseStorage(audience); err != nil {
		return fmt.Errorf("%q: %w", api.Excerpt(audience), err)
	}
	return nil
}
