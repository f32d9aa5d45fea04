package words

import (
	"errors"
	"fmt"
	"time"

	"oauthd/daemon/account"
	"oauthd/daemon/grant"
	"oauthd/daemon/token"
	"oauthd/ipc/api"
)

// Via words a failure to have an assertion for a from the login of another account, of, at its provider.
func Via(a account.Account, providerName string, now time.Time, of account.Account, err error) error {
	var refused *grant.ProviderError
	asked := errors.As(err, &refused)
	switch {
	case errors.Is(err, token.ErrNoIDToken):
		return (&api.Error{
			Code: api.LoginRequired, Message: fmt.Sprintf("%s needs the ID token of %s, and there is none that is still valid", a.Name, of.Name),
			Hint: "oauthd login " + of.Name + " --scope openid",
		}).Because(err)
	case asked && refused.Op == grant.OpAssertion && refused.Kind == grant.LoginRequired:
		return viaLogin(a, of, fmt.Sprintf("%s wants a new login first (%s)", providerName, Said(refused)), err)
	case asked && refused.Op == grant.OpAssertion && refused.Kind != grant.Transient:
		return (&api.Error{
			Code:    api.ProviderRejected,
			Message: fmt.Sprintf("%s gave no assertion for %s: %s", providerName, a.Name, Said(refused)),
			Hint:    "have its administrator let " + of.Name + "'s client have tokens of that server, and check issuer and resource in " + a.File,
		}).Because(err)
	}
	worded := Token(of, providerName, now, err)
	if e := api.AsError(worded); e.Code == api.LoginRequired {
		return viaLogin(a, of, e.Message, err)
	}
	return worded
}

func viaLogin(a, of account.Account, why string, err error) error {
	return (&api.Error{
		Code: api.LoginRequired, Message: a.Name + " has its tokens from the login of " + of.Name + ": " + why, Hint: "oauthd login " + of.Name,
	}).Because(err)
}

// LoginRequiredVia words an account whose tokens are from the login of another one, which has none.
func LoginRequiredVia(a account.Account) *api.Error {
	return &api.Error{
		Code: api.LoginRequired, Message: a.Name + " has its tokens from the login of " + a.Via + ", which needs one", Hint: "oauthd login " + a.Via,
	}
}

// NoAudienceVia words a request for an audience of an account that has its tokens from another one's login.
func NoAudienceVia(a account.Account) *api.Error {
	return BadRequest("a token of "+a.Name+" is for its own server alone", "leave out --audience; --resource names one of that server's resources")
}

// NoLoginVia words an account whose via names one without a person.
func NoLoginVia(a account.Account) *api.Error {
	return &api.Error{Code: api.ConfigInvalid, Message: a.Via + " has no login that " + a.Name + " could have tokens from", Hint: "correct via in " + a.File}
}
