package words

import (
	"cmp"

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

// FailurePage words a failure for the browser by its code alone: the provider's words, which came through the query,
// are shown in the terminal.
func (l Login) FailurePage(err error) redirect.Page {
	page := redirect.Page{Account: l.Account, Provider: l.Provider}
	if l.New {
		page.Hint = "Return to your terminal and run the same command again."
	}
	switch api.AsError(err).Code {
	case api.LoginDenied:
		page.Title, page.Message = "The login was denied", "Nothing was stored."
	case api.SubjectMismatch:
		page.Title, page.Message = "This is another person", "The account belongs to someone else. Your terminal shows who, and what you can do."
	case api.LoginSuperseded:
		page.Title, page.Message = "Another login took over", "A newer login for the same account has started."
	case api.ProviderUnreachable:
		page.Message = "The provider could not be reached to finish the login. Nothing was stored."
	case api.ProviderRejected:
		page.Message = "The provider did not accept this client. Your terminal shows why."
	case api.KeystoreLocked, api.KeystoreUnavailable, api.KeystoreFull:
		page.Message = "The credential could not be stored. Your terminal shows why."
	default:
		page.Message = "Nothing was stored. Your terminal shows why."
	}
	return page
}
