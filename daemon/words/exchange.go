package words

import (
	"errors"
	"fmt"
	"strings"

	"oauthd/daemon/account"
	"oauthd/daemon/grant"
	"oauthd/ipc/api"
)

// Exchange words a provider's refusal to exchange a's token. A failure that may pass is returned as it is.
func Exchange(a account.Account, providerName string, err error) error {
	const kept = "you are still logged in; "
	var refused *grant.ProviderError
	if !errors.As(err, &refused) || refused.Kind == grant.Transient {
		return err
	}
	hint := kept + "see the daemon's log for details"
	switch refused.Code {
	case "invalid_target":
		hint = kept + "check the audience or resource, and that the provider lets this client have tokens for it"
	case "invalid_scope":
		hint = kept + "ask for other scopes, or for none"
	case "unsupported_grant_type", "unauthorized_client", "invalid_client", "access_denied":
		hint = kept + "have the provider let this client exchange tokens (RFC 8693)"
		if a.TokenExchange {
			hint += ", or remove token_exchange from " + a.File
		}
	case "invalid_grant", "invalid_request":
		hint = kept + "--force tries a new token of the account; if that is refused too, the provider does not let this client exchange it"
	}
	return (&api.Error{
		Code: api.ProviderRejected, Message: fmt.Sprintf("%s gave no narrower token: %s", providerName, Said(refused)), Hint: hint,
	}).Because(err)
}

// ExchangedBroader words an exchanged token that is good for more than was asked for, or than the account is; beyond are the
// scopes.
func ExchangedBroader(providerName string, beyond []string) *api.Error {
	return &api.Error{
		Code: api.ProviderRejected,
		Message: fmt.Sprintf("%s answered a request for a narrower token with one that has more: %s",
			providerName, api.Excerpt(strings.Join(beyond, " "))),
		Hint: "nobody was given that token; check what the client may have at the provider, or ask for these scopes too",
	}
}

// NoExchangedIDToken words a request for an ID token along with a token that has to be exchanged.
func NoExchangedIDToken() *api.Error {
	return BadRequest("an ID token comes with the account's own token, not with a narrower one", "ask for it without --scope, --audience and --resource")
}

// BadStorage words a gs:// URL that cannot be used.
func BadStorage(err error) *api.Error {
	return BadRequest("the gs:// URL: "+api.Excerpt(err.Error()), "write gs://BUCKET, or gs://BUCKET/PREFIX for the objects whose names begin with PREFIX")
}

// TwoStorages words a request for a gs:// URL and something else.
func TwoStorages() *api.Error {
	return BadRequest("a token for a gs:// URL is for nothing else", "ask for one --resource or --audience at a time")
}

// NotOfStorage words scopes that say nothing about Cloud Storage.
func NotOfStorage() *api.Error {
	return BadRequest("the scopes of a token for a gs:// URL say what it may do there",
		"--scope https://www.googleapis.com/auth/devstorage.read_only, .read_write or .full_control; without a scope it may read")
}
