package daemon

import (
	"context"

	"oauthd/daemon/account"
	"oauthd/daemon/grant"
	"oauthd/daemon/words"
	"oauthd/ipc/api"
)

// Proof answers a request for a token and the proof that goes along (RFC 9449 §4). A caller that may have the token may have
// its proofs, for the places where the account's tokens may be used: the token is useless without a proof, and each proof is
// good for a single request.
func (d *Daemon) Proof(ctx context.Context, r api.ProofRequest) (api.Proof, error) {
	p := grant.Proof{Method: r.Method, URL: r.URL, Nonce: r.Nonce}
	if err := p.Check(); err != nil {
		return api.Proof{}, words.BadProof(err)
	}
	asked := r.TokenRequest
	for range 2 {
		t, err := d.Token(ctx, asked)
		if err != nil || t.TokenType != api.TypeDPoP {
			return api.Proof{Token: t}, err
		}
		key, err := grant.ParseProofKey(d.tokens.ProofKey(t.Account, t.AccessToken))
		if err != nil {
			return api.Proof{}, words.DamagedProofKey(t.Account, err)
		}
		if !key.IsZero() {
			p.Access = account.NewSecret(t.AccessToken)
			proof, err := key.Prove(p, d.now())
			return api.Proof{Token: t, Proof: proof}, err
		}
		asked.Force = false // the token was replaced meanwhile
	}
	return api.Proof{}, words.TokenReplaced(asked.Account)
}
