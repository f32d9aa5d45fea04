// Package google has the grants that only Google has: with a service account's key, and with application default
// credentials, which are such a key, a person's saved credentials, another issuer's token, a service account to
// impersonate, or the metadata server of the machine.
//
// It is built on package grant and keeps its promises: a request is sent at most once, and no error repeats a secret. A
// credentials file may come from a stranger: unless a person has permitted it in the account's file, nothing is sent to
// an endpoint that is not Google's, and no program is run. Nothing is stored.
package google

import "oauthd/daemon/grant"

// Client gets tokens from Google. It is safe for concurrent use.
type Client struct {
	// Grants sends the requests.
	Grants *grant.Client
}

// notLogin turns fail into the error of a grant that needs no person, so a login cannot help.
func notLogin(fail *grant.ProviderError) *grant.ProviderError {
	if fail.Kind == grant.LoginRequired {
		fail.Kind = grant.Configuration
	}
	return fail
}
