package grant

import (
	"context"
	"net/http"
	"net/url"

	"oauthd/daemon/account"
)

// ask sends a token request. A client with a [ClientAuth.ProofKey] proves that it has that key (RFC 9449 §5), and the
// answer must then bring a token that is bound to it.
//
// A server that wants a nonce in the proof, or a newer one, refuses the request with use_dpop_nonce and has done nothing
// (§8); the same request is then sent again, once, with the nonce that came along.
func (c *Client) ask(ctx context.Context, op, endpoint string, auth ClientAuth, form url.Values) (Answer, *ProviderError) {
	if auth.ProofKey.IsZero() {
		return c.post(ctx, op, endpoint, auth, form)
	}
	if form.Has("refresh_token") || form.Has("code") {
		if fail := c.fetchNonce(ctx, op, endpoint, auth); fail != nil {
			return Answer{}, fail
		}
	}
	with := c.nonces.get(endpoint).text
	a, fail := c.prove(ctx, op, endpoint, auth, form, with)
	if fail == nil && a.wantsNonce() && nonceOf(a.Header) != with {
		return c.prove(ctx, op, endpoint, auth, form, nonceOf(a.Header))
	}
	return a, fail
}

// fetchNonce sees to it that a request that can be sent once only has a nonce that its server takes, if that wants any.
//
// RFC 9449 has no request for a nonce alone: a request without one is refused, and repeated (§8). But a server that spends a
// refresh token before it looks at the proof would take the repetition for a theft, and end the login. So what is sent first
// is a refresh with a token that cannot exist. It takes the same way through the server as the real one, and there is nothing
// that it could spend: either its proof is looked at first, and then so is the real one's before anything is spent, or it is
// refused for its token, with a nonce if the server gives one with every answer. A HEAD or OPTIONS request need not come as
// far, nor a request with an empty refresh_token, which counts as none (RFC 6749 §3.2).
//
// An error means that the real request should not be sent now.
func (c *Client) fetchNonce(ctx context.Context, op, endpoint string, auth ClientAuth) *ProviderError {
	known := c.nonces.get(endpoint)
	if known.fresh(c.Clock()) {
		return nil
	}
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"none"}}
	a, fail := c.prove(ctx, op, endpoint, auth, form, known.text)
	if fail != nil {
		fail.Ambiguous = false // the token that matters was not sent
		return fail
	}
	switch {
	case nonceOf(a.Header) != "": // it is noted
	case a.passing():
		return a.Fail(Transient, "no answer when a DPoP nonce was asked for")
	case !a.wantsNonce(): // it wants none, or takes this one
		c.nonces.put(endpoint, nonce{known.text, c.Clock()})
	}
	return nil
}

// prove sends form with a proof that has that nonce; "" for none.
func (c *Client) prove(
	ctx context.Context, op, endpoint string, auth ClientAuth, form url.Values, with string,
) (Answer, *ProviderError) {
	header := wants("application/x-www-form-urlencoded")
	err := auth.apply(form, header, endpoint, c.Clock())
	if err == nil {
		var proof string
		proof, err = auth.ProofKey.Prove(Proof{Method: http.MethodPost, URL: endpoint, Nonce: with}, c.Clock())
		header.Set("DPoP", proof)
	}
	if err != nil {
		return Answer{}, &ProviderError{Kind: Configuration, Op: op, Endpoint: place(endpoint), Reason: err.Error()}
	}
	a, fail := c.submit(ctx, op, endpoint, auth, form, header)
	a.boundTo = auth.ProofKey
	return a, fail
}

// wantsNonce reports whether the server refuses a request because its proof has no nonce, or not the newest (RFC 9449 §8).
func (a Answer) wantsNonce() bool {
	members, _ := parseMembers(a.Header.Get("Content-Type"), a.Body)
	return !a.OK() && members.Text("error") == "use_dpop_nonce"
}

// present sends r, which has no header of its own, along with an access token: a bearer token as RFC 6750 §2.1 says, one that
// is bound to a key with a proof (RFC 9449 §7.1), and once more if that lacked the newest nonce (§9).
func (c *Client) present(ctx context.Context, r Request, tok account.Token) (Answer, *ProviderError) {
	r.Secrets = append(r.Secrets, tok.Access.Reveal())
	key, err := ParseProofKey(tok.ProofKey)
	if err != nil {
		return Answer{}, &ProviderError{Kind: Configuration, Op: r.Op, Endpoint: place(r.Endpoint), Reason: err.Error()}
	}
	if key.IsZero() {
		r.Header = wants("")
		r.Header.Set("Authorization", "Bearer "+tok.Access.Reveal())
		return c.Send(ctx, r)
	}
	with := c.nonces.get(r.Endpoint).text
	for again := false; ; again = true {
		proof, err := key.Prove(Proof{Method: r.Method, URL: r.Endpoint, Access: tok.Access, Nonce: with}, c.Clock())
		if err != nil {
			return Answer{}, &ProviderError{Kind: Configuration, Op: r.Op, Endpoint: place(r.Endpoint), Reason: err.Error()}
		}
		r.Header = wants("")
		r.Header.Set("Authorization", TypeDPoP+" "+tok.Access.Reveal())
		r.Header.Set("DPoP", proof)
		a, fail := c.Send(ctx, r)
		given := nonceOf(a.Header)
		if fail != nil || again || a.Status != http.StatusUnauthorized || given == "" || given == with {
			return a, fail
		}
		with = given
	}
}
