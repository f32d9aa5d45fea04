package client

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync/atomic"

	"oauthd/ipc/api"
)

// maxDrain is how much of a refused answer is read so that its connection can be used again.
const maxDrain = 16 << 10

// Transport returns a transport for an [http.Client] that sends the account's access token with every request
// (RFC 6750 §2.1), over base; nil means [http.DefaultTransport]. It asks the daemon for each request, under the request's
// own context, so that it keeps no token past its end, past r.MinTTL, or after another program had it replaced; a client
// with Hold asks only when that may have happened. It is safe for concurrent use.
//
// When the server answers 401 it asks again, for a new token where the daemon still holds the refused one, and sends
// the request once more, provided that there is a token to try and that the body, if any, can be had again
// ([http.Request.GetBody]). A token that was got in this way and is refused too is not replaced again.
//
// If the token is bound to a key of the daemon's (RFC 9449), each request has a proof of its own, with the nonce that the
// server gave last. A server that wants another one first is answered with the request once more, if the body can be had again.
//
// A request that follows a redirect to another scheme, host or port, or comes back from there, is sent without a token.
// An error of the daemon comes back from the http.Client inside a *url.Error, where errors.Is and errors.As find it.
func (c *Client) Transport(r api.TokenRequest, base http.RoundTripper) http.RoundTripper {
	if base == nil {
		base = http.DefaultTransport
	}
	return &transport{holder: holder{client: c, request: r}, base: base, turn: make(chan struct{}, 1)}
}

type transport struct {
	holder
	base http.RoundTripper

	nonces Nonces
	bound  atomic.Pointer[string] // the account, if the last token was bound to a key

	turn   chan struct{} // holds an element while somebody replaces a refused token; guards forced
	forced string        // the newest token that was got because the one before was refused
}

// RoundTrip implements [http.RoundTripper].
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if redirectedAway(req) {
		return t.send(req, req)
	}
	resp, used, err := t.try(req, req, api.Token{})
	if err != nil || resp.StatusCode != http.StatusUnauthorized {
		return resp, err
	}
	again, ok := repeat(req)
	if !ok {
		return resp, nil
	}
	next, ok := t.another(req.Context(), used)
	if !ok {
		if again.Body != nil {
			_ = again.Body.Close()
		}
		return resp, nil
	}
	discard(resp)
	resp, _, err = t.try(req, again, next)
	return resp, err
}

// try sends req on behalf of original, with the account's token, and returns that; token is the token if the daemon has just
// given it. It sends it once more if the server wants another nonce in the proof that goes along.
func (t *transport) try(original, req *http.Request, token api.Token) (resp *http.Response, used string, err error) {
	for again := false; ; again = true {
		p, err := t.proof(req, token)
		if err != nil {
			if req.Body != nil {
				_ = req.Body.Close()
			}
			return nil, "", err
		}
		if resp, err = t.send(original, with(req, p)); err != nil {
			return nil, "", err
		}
		if wanted := t.nonces.Note(req.URL, resp); !wanted || p.Proof == "" || again {
			return resp, p.AccessToken, nil
		}
		next, ok := repeat(original)
		if !ok {
			return resp, p.AccessToken, nil
		}
		discard(resp)
		req = next
	}
}

// proof returns the account's token, and the proof for req if the token needs one; token is the token, or zero if the daemon
// has not just given it.
func (t *transport) proof(req *http.Request, token api.Token) (api.Proof, error) {
	bound := t.bound.Load()
	if bound == nil || token.AccessToken != "" {
		var err error
		if token.AccessToken == "" {
			token, err = t.holder.token(req.Context())
		}
		if err != nil || token.TokenType != api.TypeDPoP {
			return api.Proof{Token: token}, err
		}
		bound = &token.Account
	}
	r := api.ProofRequest{TokenRequest: t.request, Method: req.Method, Nonce: t.nonces.For(req.URL)}
	r.Account, r.URL = *bound, req.URL.String()
	if r.Method == "" {
		r.Method = http.MethodGet
	}
	p, err := t.client.Proof(req.Context(), r)
	if err != nil || p.Proof == "" {
		bound = nil
	}
	t.bound.Store(bound)
	return p, err
}

// discard reads so much of an answer that its connection can be used again.
func discard(resp *http.Response) {
	_, _ = io.CopyN(io.Discard, resp.Body, maxDrain)
	_ = resp.Body.Close()
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
	t.client.release()
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

// with returns req with what p says in its header; a RoundTripper must leave req itself as it is.
func with(req *http.Request, p api.Proof) *http.Request {
	req = req.Clone(req.Context())
	SetHeader(req.Header, p)
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
