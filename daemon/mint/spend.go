package mint

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"oauthd/daemon/account"
	"oauthd/daemon/grant"
	"oauthd/daemon/provider"
	"oauthd/daemon/token"
)

// lostPause, and up to as much again, passes before a refresh token is sent once more: within the 10 to 60 s for which
// providers that rotate tolerate a repetition.
const lostPause = time.Second

// Spending is a refresh token, and what it is spent on.
type Spending struct {
	// Account is the name in the log.
	Account       string
	Provider      provider.Provider
	TokenEndpoint string
	Auth          grant.ClientAuth
	RefreshToken  account.Secret
	// Scopes, Audience and Resource are what the access token is for; nil or "" leaves each to the provider. RedirectURI is
	// that of the login, for providers that want it again.
	Scopes                          []string
	Audience, Resource, RedirectURI string
	// OpenID says that the grant has openid, so that an ID token is expected.
	OpenID bool
	// Answered is called with each answer, or failure, before anything else happens: it saves what must not be lost.
	// The response has the refresh token that is valid now, next to an error too.
	Answered func(r grant.Response, failure error)
}

// Spend is the one way to spend a refresh token. If the answer was lost nobody knows whether the provider has rotated,
// and an answer may bring a new refresh token and nothing else of use: the token that is valid now is then sent once
// more, soon, and what comes of that is definite. The response has the refresh token that is valid now, next to an
// error too.
func (m *Minter) Spend(ctx context.Context, s Spending) (grant.Response, error) {
	ctx = s.Provider.Confine(ctx)
	current := s.RefreshToken
	for again := false; ; again = true {
		r, err := m.grants.Refresh(ctx, grant.Refresh{
			TokenEndpoint: s.TokenEndpoint,
			Auth:          s.Auth,
			RefreshToken:  current,
			Scopes:        s.Scopes,
			Audience:      s.Audience,
			Resource:      s.Resource,
			RedirectURI:   s.RedirectURI,
			Dialect:       Dialect(s.Provider),
			OpenID:        s.OpenID,
		})
		rotated := !r.RefreshToken.IsZero() && !r.RefreshToken.Equal(current)
		if rotated {
			current = r.RefreshToken
		}
		r.RefreshToken = current
		s.Answered(r, err)
		for _, warning := range r.Warnings {
			m.log.Warn().Str("account", s.Account).Msg(warning)
		}
		var refused *grant.ProviderError
		if again || !errors.As(err, &refused) || !refused.Ambiguous && !rotated {
			return r, err
		}
		m.log.Warn().Err(err).Str("account", s.Account).Msg("no usable answer to a refresh token, asking once more")
		if token.Pause(ctx, lostPause+rand.N(lostPause)) != nil {
			return r, err
		}
	}
}

// Dialect is how p answers token requests.
func Dialect(p provider.Provider) grant.Dialect {
	return grant.Dialect{
		ScopeSeparator: p.ScopeSeparator, TokenMember: p.TokenMember, TokenType: p.TokenType, LoginEnded: p.LoginEndedErrors,
		TokenLifetime: p.TokenLifetime.Duration(),
	}
}

// OneResource returns the scopes to name in a request for a token of scopes: nil if one token can hold them all. Elsewhere
// the provider would choose by itself, or refuse.
func OneResource(p provider.Provider, scopes []string) []string {
	one, whole := p.OneResource(scopes)
	if whole {
		return nil
	}
	return one
}
