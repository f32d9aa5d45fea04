package client

import (
	"context"
	"io"
	"net/http"
	"strings"

	"oauthd/ipc/api"
)

// maxDrain is how much of a refused answer is read so that its connection can be used again.
const maxDrain = 16 << 10

// Transport returns a transport for an [http.Client] that sends the account's access token with every request
// (RFC 6750 §2.1), over base; nil means [http.DefaultTransport]. It asks the daemon for each request, under the request's
// own context, so that it keeps no token past its end, past r.MinTTL, or after another program had it replaced. It is
// safe for concurrent use.
//
// When the server answers 401 it asks again, for a new token where the daemon still holds the refused one, and sends
// the request once more, provided that there is a token to try and that the body, if any, can be had again
// ([http.Request.GetBody]). A token that was got in this way and is refused too is not replaced again.
//
// A request that follows a redirect to another scheme, host or port, or comes back from there, is sent without a token.
// An error of the daemon comes back from the http.Client inside a *url.Error, where errors.Is and errors.As find it.
func (c *Client) Transport(r api.TokenRequest, base http.RoundTripper) http.RoundTripper {
	if base == nil {
		base = http.DefaultTransport
	}
	return &transport{client: c, request: r, base: base, turn: make(chan struct{}, 1)}
}

type transport struct {
	client  *Client
	request api.TokenRequest
	base    http.RoundTripper

	turn   chan struct{} // holds an element while somebody replaces a refused token; guards forced
	forced string        // the newest token that was got because the one before was refused
}

// RoundTrip implements [http.RoundTripper].
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if redirectedAway(req) {
		return t.send(req, req)
	}
	token, err := t.client.Token(req.Context(), t.request)
	if err != nil {
		if req.Body != nil {
			_ = req.Body.Close()
		}
		return nil, err
	}
	resp, err := t.send(req, withToken(req, token))
	if err != nil || resp.StatusCode != http.StatusUnauthorized {
		return resp, err
	}
	again, ok := repeat(req)
	if !ok {
		return resp, nil
	}
	next, ok := t.another(req.Context(), token.AccessToken)
	if !ok {
		if again.Body != nil {
			_ = again.Body.Close()
		}
		return resp, nil
	}
	_, _ = io.CopyN(io.Discard, resp.Body, maxDrain)
	_ = resp.Body.Close()
	return t.send(req, withToken(again, next))
}

// send sends req on behalf of original.
func (t *transport) send(original, req *http.Request) (*http.Response, error) {
	resp, err := t.base.RoundTrip(req)
	if err == nil {
		resp.Request = original // redirectedAway follows it, whatever base has put there
	}
	return resp, err
}

// another returns a token to use in the place of refused; false when there is none.
func (t *transport) another(ctx context.Context, refused string) (api.Token, bool) {
	select {
	case t.turn <- struct{}{}:
		defer func() { <-t.turn }()
	case <-ctx.Done():
		return api.Token{}, false
	}
	token, err := t.client.Token(ctx, t.request)
	if err != nil || token.AccessToken != refused {
		return token, err == nil
	}
	if t.forced == refused {
		return api.Token{}, false
	}
	force := t.request
	force.Force = true
	token, err = t.client.Token(ctx, force)
	if err != nil || token.AccessToken == refused {
		return api.Token{}, false
	}
	t.forced = token.AccessToken
	return token, true
}

// withToken returns req with the token in its header; a RoundTripper must leave req itself as it is.
func withToken(req *http.Request, token api.Token) *http.Request {
	req = req.Clone(req.Context())
	oauth2Token(token).SetAuthHeader(req)
	return req
}

// repeat returns req with its body from the start; false when that cannot be had.
func repeat(req *http.Request) (*http.Request, bool) {
	if req.Body == nil || req.Body == http.NoBody {
		return req, true
	}
	if req.GetBody == nil {
		return nil, false
	}
	body, err := req.GetBody()
	if err != nil {
		return nil, false
	}
	again := *req
	again.Body = body
	return &again, true
}

// redirectedAway reports whether req follows redirects that led away from where the program itself sent its request, be
// it that they led back: that server was to have the token, and no other was to say for what.
func redirectedAway(req *http.Request) bool {
	for r := req; r.Response != nil && r.Response.Request != nil; {
		r = r.Response.Request
		if r.URL.Scheme != req.URL.Scheme || !strings.EqualFold(r.URL.Host, req.URL.Host) {
			return true
		}
	}
	return false
}
