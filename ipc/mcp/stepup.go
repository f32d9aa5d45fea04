package mcp

import (
	"context"
	"io"
	"net/http"
	"strconv"

	"oauthd/ipc/api"
)

// maxDrain is how much of a refused answer is read so that its connection can be used again, in bytes.
const maxDrain = 16 << 10

// Tokens hands out tokens: [oauthd/ipc/client.Client] does.
type Tokens interface {
	Token(ctx context.Context, r api.TokenRequest) (api.Token, error)
}

// StepUp returns a transport that sends a message over next, and once more if the server wants scopes that the token of
// r lacks (RFC 6750 §3.1) or a newer or stronger login (RFC 9470 §3), and a person gives them when the daemon asks. If
// nobody does, the server's answer stands.
func StepUp(tokens Tokens, r api.TokenRequest, next http.RoundTripper) http.RoundTripper {
	return &stepUp{tokens, r, next}
}

type stepUp struct {
	tokens  Tokens
	request api.TokenRequest
	next    http.RoundTripper
}

// RoundTrip implements [http.RoundTripper].
func (s *stepUp) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := s.next.RoundTrip(req)
	if err != nil || req.Method != http.MethodPost || req.GetBody == nil {
		return resp, err
	}
	wanted, ok := wantedBy(resp)
	if !ok {
		return resp, nil
	}
	wanted.Account, wanted.URL, wanted.Interactive = s.request.Account, s.request.URL, true
	if _, err := s.tokens.Token(req.Context(), wanted); err != nil {
		return resp, nil // which says what is missing
	}
	again := req.Clone(req.Context())
	if again.Body, err = req.GetBody(); err != nil {
		return resp, nil
	}
	_, _ = io.CopyN(io.Discard, resp.Body, maxDrain)
	_ = resp.Body.Close()
	return s.next.RoundTrip(again)
}

// wantedBy returns what a server wants of a login that refuses a request because of it; ok is false if it does not say.
func wantedBy(resp *http.Response) (r api.TokenRequest, ok bool) {
	switch {
	case resp.StatusCode == http.StatusForbidden && challenge(resp.Header, "error") == insufficientScope:
		r.Scope = challenge(resp.Header, "scope")
		return r, r.Scope != ""
	case resp.StatusCode == http.StatusUnauthorized && challenge(resp.Header, "error") == insufficientLogin:
		r.Scope, r.ACRValues = challenge(resp.Header, "scope"), challenge(resp.Header, "acr_values")
		if age, err := strconv.ParseInt(challenge(resp.Header, "max_age"), 10, 32); err == nil && age >= 0 {
			r.MaxAge = &age
		}
		return r, r.ACRValues != "" || r.MaxAge != nil
	}
	return r, false
}
