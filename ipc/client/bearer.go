package client

import (
	"context"

	"oauthd/ipc/api"
)

// BearerTokens is a Client for a program that can send a token, but no proof along with it (RFC 9449).
type BearerTokens struct{ *Client }

// Token is [Client.Token], but it refuses a token that is bound to a key, which would be of no use to the program. The error
// is [api.Unsupported]. A request for an ID token is answered, because that is what is used then.
func (b BearerTokens) Token(ctx context.Context, r api.TokenRequest) (api.Token, error) {
	t, err := b.Client.Token(ctx, r)
	if err == nil && t.TokenType == api.TypeDPoP && !r.IDToken {
		return api.Token{}, api.NeedsProof(t.Account)
	}
	return t, err
}
