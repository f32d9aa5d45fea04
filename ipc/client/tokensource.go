package client

import (
	"context"

	"golang.org/x/oauth2"

	"oauthd/ipc/api"
)

// TokenSource returns a source that asks the daemon at every call of Token, each under ctx; the daemon keeps the token
// and refreshes it in time, so nothing need be cached. Each token lives for r.MinTTL at least, as with [Client.Token],
// and carries the answer's scope and id_token as extras; without a known end its Expiry is zero. r.Force should be
// false, because it makes every call ask the provider. The source is safe for concurrent use.
//
// It fits wherever Go takes an oauth2.TokenSource: option.WithTokenSource for Google's API clients, oauth.TokenSource for
// gRPC's per-RPC credentials, oauth2.Transport for plain HTTP, where [Client.Transport] does more.
//
// [oauth2.NewClient] and [oauth2.ReuseTokenSource] keep what they get until 10 s before its Expiry, and a token without
// one forever: they know nothing of r.MinTTL, nor of a token that was replaced or revoked meanwhile. With
//
//	&http.Client{Transport: &oauth2.Transport{Source: source}}
//
// nothing stands between the source and the requests.
func (c *Client) TokenSource(ctx context.Context, r api.TokenRequest) oauth2.TokenSource {
	return tokenSource{c, ctx, r}
}

type tokenSource struct {
	client  *Client
	ctx     context.Context // x/oauth2's interface has no place for one
	request api.TokenRequest
}

// Token implements [oauth2.TokenSource].
func (s tokenSource) Token() (*oauth2.Token, error) {
	t, err := s.client.Token(s.ctx, s.request)
	if err != nil {
		return nil, err
	}
	return oauth2Token(t), nil
}

func oauth2Token(t api.Token) *oauth2.Token {
	ot := &oauth2.Token{AccessToken: t.AccessToken, TokenType: t.TokenType}
	if t.ExpiresAt != nil {
		ot.Expiry = *t.ExpiresAt
	}
	extra := make(map[string]any)
	if t.Scope != "" {
		extra["scope"] = t.Scope
	}
	if t.IDToken != "" {
		extra["id_token"] = t.IDToken
	}
	return ot.WithExtra(extra)
}
