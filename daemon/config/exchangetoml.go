package config

import (
	"fmt"

	"oauthd/daemon/account"
	"oauthd/ipc/api"
)

// checkExchange reports keys of narrower tokens that mean nothing with grant.
func (k accountKeys) checkExchange(s *source, grant account.Grant) {
	switch {
	case !k.TokenExchange:
	case !grant.Interactive():
		s.add(s.line("", "token_exchange"), "token_exchange is for grants with a person; others ask for a narrower token to begin with")
	}
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
