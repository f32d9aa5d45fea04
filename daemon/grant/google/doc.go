// Package google gets tokens the ways that are Google's own: a service account's key, and application default
// credentials, which are a key, a person's saved credentials, another issuer's token, a service account to impersonate,
// or the metadata server of the machine.
//
// It is built on package grant and keeps its promises: a request is sent at most once, and no error quotes an answer, a
// file or a secret. A credentials file is a stranger's: it sends nothing to an endpoint that is not Google's, and runs no
// program, unless a person has permitted that in the account's file. Nothing is stored.
package google

import "oauthd/daemon/grant"

// Client gets tokens from Google. It is safe for concurrent use.
type Client struct {
	// Grants sends the requests.
	Grants *grant.Client
}

// notLogin makes fail one of a grant that no person has a part in, so that a login cannot help.
func notLogin(fail *grant.ProviderError) *grant.ProviderError {
	if fail.Kind == grant.LoginRequired {
		fail.Kind = grant.Configuration
	}
	return fail
}
