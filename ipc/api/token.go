package api

import "time"

// TokenRequest asks for a token. It is the body of POST /v1/token and a line of line JSON, and its fields are the
// parameters of GET /v1/token.
type TokenRequest struct {
	// Account is the name of the account; "" if URL finds it.
	Account string `json:"account"`
	// URL is where the token is to be used; "" is anywhere. Without Account, it finds the account whose hosts allow that. With
	// it, the answer is [PolicyDenied] unless the hosts of that account do.
	URL string `json:"url,omitempty"`
	// Scope is a space-separated list (RFC 6749 §3.3) that the token must cover; "" means everything that was granted.
	Scope string `json:"scope,omitempty"`
	// Audience asks for a token for that audience, if the provider knows audiences; "" means none.
	Audience string `json:"audience,omitempty"`
	// Resource is a resource indicator (RFC 8707); "" means none.
	Resource string `json:"resource,omitempty"`
	// MinTTL is how many seconds the token must still live; nil means the smaller of 60 s and a quarter of the token's
	// lifetime. A fresh token from the provider is served even if it is shorter.
	MinTTL *int64 `json:"min_ttl,omitempty"`
	// Force asks the provider for a new token even if there is a fresh one.
	Force bool `json:"force,omitempty"`
	// IDToken asks for an OpenID Connect ID token too.
	IDToken bool `json:"id_token,omitempty"`
	// Interactive has a person asked to log in, if a login or a scope is what is missing, and waits up to 6 minutes for it.
	// Requests that wait for the same account share one question.
	Interactive bool `json:"interactive,omitempty"`
	// ACRValues and MaxAge are what a resource that refuses the account's token wants of the login behind it (RFC 9470 §3):
	// with Interactive a person is asked to log in anew with them, and the token is one of that login. ACRValues is a
	// space-separated list, MaxAge a number of seconds; "" and nil mean nothing.
	ACRValues string `json:"acr_values,omitempty"`
	MaxAge    *int64 `json:"max_age,omitempty"`
}

// Token is what a caller gets: an access token response (RFC 6749 §5.1) without a refresh token, and when the token
// ends.
type Token struct {
	AccessToken string `json:"access_token"`
	TokenType   string `json:"token_type"`
	// ExpiresIn is how many whole seconds are left at the time of the answer; nil if that is not known.
	ExpiresIn *int64 `json:"expires_in,omitempty"`
	// Scope is the space-separated list of what the token covers; "" if the provider never said.
	Scope   string `json:"scope,omitempty"`
	IDToken string `json:"id_token,omitempty"`
	Account string `json:"account"`
	// ExpiresAt is when the access token ends, by the wall clock; nil if that is not known.
	ExpiresAt        *time.Time `json:"expires_at,omitempty"`
	IDTokenExpiresAt *time.Time `json:"id_token_expires_at,omitempty"`

	encoded *encoding // nil unless made by Encoded
}
