package words

import (
	"errors"
	"fmt"

	"oauthd/daemon/grant"
	"oauthd/ipc/api"
)

// Import words what becomes of one import.
type Import struct {
	// Provider names who was asked.
	Provider string
	// LoginLine is the command that logs in anew if nothing can be imported.
	LoginLine string
}

// Refused words a refresh token that did not prove itself; an error that is no provider's is returned as it is.
func (i Import) Refused(err error) error {
	const kept = "; nothing was imported, and the file is unchanged"
	var refused *grant.ProviderError
	if !errors.As(err, &refused) {
		return err
	}
	e := &api.Error{Code: api.ProviderRejected, Hint: "see the daemon's log for details",
		Message: fmt.Sprintf("%s gave no usable answer: %s%s", i.Provider, Said(refused), kept)}
	switch {
	case refused.Kind == grant.LoginRequired:
		e.Code = api.LoginRequired
		e.Message = fmt.Sprintf("%s no longer accepts this refresh token (%s)%s", i.Provider, Said(refused), kept)
		e.Hint = i.LoginLine
	case refused.Ambiguous:
		e.Code = api.ProviderUnreachable
		e.Message = fmt.Sprintf("%s may have used the refresh token, and its answer was lost: %s%s", i.Provider, Said(refused), kept)
		e.Hint = "import it again soon; if that is refused, " + i.LoginLine
	case refused.Kind == grant.Transient:
		e.Code, e.RetryAfter = api.ProviderUnreachable, seconds(refused.RetryAfter)
		e.Message = fmt.Sprintf("%s cannot be reached now: %s%s", i.Provider, Said(refused), kept)
		e.Hint = wayOut(refused, "try again later")
	case refused.Kind == grant.Configuration:
		e.Message = fmt.Sprintf("%s refused the request: %s%s", i.Provider, Said(refused), kept)
		e.Hint = "check that client id and client secret are those the refresh token was given to; --client-id and --client-secret-stdin say " +
			"them; another way to authenticate goes with the provider into config.toml"
	}
	return e.Because(err)
}

// KeyRefused words a service account's key that the provider does not take; any other error is returned as it is.
func (i Import) KeyRefused(err error) error {
	var refused *grant.ProviderError
	if !errors.As(err, &refused) || refused.Kind == grant.Transient {
		return err
	}
	return (&api.Error{
		Code: api.ProviderRejected,
		Message: fmt.Sprintf("%s does not accept this key (%s); nothing was imported, and the file is unchanged",
			i.Provider, Said(refused)),
		Hint: "check that the key has not been deleted, that the scopes are right, and this machine's clock",
	}).Because(refused)
}

// UnusableAnswer words an import after which the provider's new refresh token is all there is.
func (i Import) UnusableAnswer(account string, err error) *api.Error {
	return (&api.Error{Code: api.ProviderRejected,
		Message: fmt.Sprintf("%s gave a new refresh token but no usable answer; the new one is stored", i.Provider),
		Hint:    "oauthd token " + account + " tries again; the imported file is useless now"}).Because(err)
}

// RedirectURIWanted words an import whose refresh token the provider would refuse.
func RedirectURIWanted(providerName string) *api.Error {
	return &api.Error{
		Code:    api.BadRequest,
		Message: providerName + " wants the redirect URI of the login at each refresh, and it is not known, so nothing was sent",
		Hint:    "pass --redirect-uri URI, the one that the other tool registered; or log in with oauthd login",
	}
}

// Taken words an account name that the import cannot have.
func Taken(name, how string) *api.Error {
	return &api.Error{Code: api.BadRequest, Message: fmt.Sprintf("account %s %s", name, how),
		Hint: "--as NAME gives the imported account another name"}
}

// Doubted words a place that only the data vouches for.
func Doubted(place, hint string) *api.Error {
	return &api.Error{
		Code:    api.ConfigInvalid,
		Message: fmt.Sprintf("the file names %q for its login, which is not a provider that oauthd knows", api.Excerpt(place)),
		Hint:    hint,
	}
}
