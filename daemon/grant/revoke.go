package grant

import (
	"context"
	"net/url"

	"oauthd/daemon/account"
)

// Revoke is a revocation request (RFC 7009 §2.1).
type Revoke struct {
	RevocationEndpoint string
	Auth               ClientAuth
	Token              account.Secret
	// Hint is the token_type_hint, "refresh_token" or "access_token"; "" sends none.
	Hint string
}

// Revoke ends a token. It returns nil when the token is dead, also when the provider says that it was so before (RFC
// 7009 §2.2). Errors are *[ProviderError].
func (c *Client) Revoke(ctx context.Context, r Revoke) error {
	form := url.Values{"token": {r.Token.Reveal()}}
	setAll(form, "token_type_hint", r.Hint)
	a, fail := c.post(ctx, "revocation request", r.RevocationEndpoint, r.Auth, form)
	switch {
	case fail != nil:
		return fail
	case a.ok():
		// The content of a 200 is to be ignored (RFC 7009 §2.2).
		return nil
	case a.status >= 300 && a.status < 400:
		return a.fail(Unknown, "the answer is a redirect, which is not followed")
	}
	members, _ := parseMembers(a.header.Get("Content-Type"), a.body)
	if refused := a.refusal(members); refused != nil {
		// Google answers 400 invalid_token where the RFC wants a 200.
		if refused.Code == "invalid_token" && !a.passing() {
			return nil
		}
		return refused
	}
	return a.fail(Unknown, "an error without a code")
}
