package words

import (
	"cmp"
	"errors"

	"oauthd/ipc/api"
	"oauthd/redirect"
)

// SuccessPage is shown once the credential is stored.
func (l Login) SuccessPage(done api.LoginEvent) redirect.Page {
	return redirect.Page{
		Success:  true,
		Account:  l.Account,
		Provider: l.Provider,
		Person:   cmp.Or(done.Email, done.Subject),
		Scopes:   done.ScopesGranted,
		Warnings: done.Warnings,
	}
}

// FailurePage words a failure for the browser by its kind alone: the provider's words, which came through the query,
// are shown in the terminal.
func (l Login) FailurePage(err error) redirect.Page {
	page := redirect.Page{Account: l.Account, Provider: l.Provider}
	if l.New {
		page.Hint = "Return to your terminal and run the same command again."
	}
	page.Title, page.Message = l.failure(err)
	switch api.AsError(err).Code {
	case api.SubjectMismatch:
		page.Hint = "Log in again in the browser profile of the right person, or hand the account over:"
		page.Command = "oauthd login " + l.Account + " --force"
	case api.Locked, api.KeystoreLocked:
		page.Hint, page.Command = "Unlock it, then log in again:", "oauthd unlock"
	case api.LoginSuperseded:
		page.Hint = "You can close this tab."
	}
	return page
}

// failure says what happened in a few words, "" for the general ones, and in one sentence more.
func (l Login) failure(err error) (title, message string) {
	const nothing = " Nothing was stored."
	var refused *redirect.AuthorizationError
	switch {
	case errors.Is(err, redirect.ErrIssuerMismatch):
		return "The answer came from another provider",
			"It names a different issuer than the one that was asked, so it was not used. Check which provider the browser showed you."
	case errors.Is(err, errCancelled):
		return "The login was cancelled", "It was ended before the provider answered." + nothing
	case errors.As(err, &refused) && refused.Code == "invalid_scope":
		return "", "The provider does not accept a scope that was asked for. Your terminal shows them."
	}
	switch api.AsError(err).Code {
	case api.LoginDenied:
		return "The login was denied", "The provider was told not to give access." + nothing
	case api.LoginTimeout:
		return "The login has expired", "Nobody finished it in time." + nothing
	case api.SubjectMismatch:
		return "This is a different person", "This account belongs to somebody else than the person who has just logged in. Your terminal shows who." + nothing
	case api.LoginSuperseded:
		return "Another login took over", "A newer login of the same account was started, or the account was logged out."
	case api.ProviderUnreachable:
		return "", "The provider could not be reached to finish the login." + nothing
	case api.ProviderRejected:
		return "", "The provider did not accept this client. Your terminal shows why."
	case api.Locked:
		return "oauthd is locked", "It was locked while the login was waiting." + nothing
	case api.KeystoreLocked, api.KeystoreUnavailable, api.KeystoreFull:
		return "", "The credential could not be stored. Your terminal shows why."
	}
	return "", "Your terminal shows why." + nothing
}
