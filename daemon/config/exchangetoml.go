package config

import "oauthd/daemon/account"

// checkExchange reports keys of narrower tokens that mean nothing with grant.
func (k accountKeys) checkExchange(s *source, grant account.Grant) {
	switch {
	case !k.TokenExchange:
	case !grant.Interactive():
		s.add(s.line("", "token_exchange"), "token_exchange is for grants with a person; others ask for a narrower token to begin with")
	}
}
