package ipc

import (
	"context"

	"oauthd/ipc/api"
)

// Proofs hands out access tokens along with proofs of the keys that they are bound to.
type Proofs interface {
	// Proof answers one request, whose account name is well formed, as [Tokens] would, with a proof if the token needs one.
	Proof(ctx context.Context, r api.ProofRequest) (api.Proof, error)
}

// proofRoutes are served on a restricted socket too: without its proof a token would be of no use there.
func (sv *serving) proofRoutes() []route {
	if sv.cfg.Backend.Proofs == nil {
		return nil
	}
	return []route{{method: "POST", path: api.PathProof, body: maxTokenRequest, serve: sv.postProof}}
}

func (sv *serving) postProof(ctx context.Context, c *call) error {
	var r api.ProofRequest
	if err := decodeStrict(c.body, &r, append(tokenFields(), "method", "nonce")); err != nil {
		return err
	}
	p, err := sv.proof(ctx, r)
	if err != nil {
		return err
	}
	sv.asksFor(connOf(c.r), p.Account)
	return c.answer(p, nil)
}

func (sv *serving) proof(ctx context.Context, r api.ProofRequest) (p api.Proof, err error) {
	switch {
	case r.Method == "":
		return p, badRequest("method is missing", `name that of the request, such as "method":"GET"`)
	case r.URL == "":
		return p, badRequest("url is missing", `name that of the request, such as "url":"https://api.example.com/me"`)
	}
	if sv.socket != nil && r.Account == "" {
		r.Account = sv.socket.Account // the url is that of the request, and chooses nothing there
	}
	if err := sv.admit(ctx, &r.TokenRequest); err != nil {
		return p, err
	}
	defer recovered(&err)
	p, err = sv.cfg.Backend.Proofs.Proof(ctx, r)
	sv.missed(ctx, err)
	return p, err
}
