package client

import (
	"context"
	"encoding/json"
	"net/http"

	"oauthd/ipc/api"
)

// Proof asks for what the one HTTP request of r.Method to r.URL takes: an access token, and if that is bound to a key of the
// daemon's, a proof of that key, which is good for this request alone (RFC 9449 §4). The errors are those of [Client.Token].
func (c *Client) Proof(ctx context.Context, r api.ProofRequest) (api.Proof, error) {
	body, err := json.Marshal(r)
	if err != nil {
		return api.Proof{}, err
	}
	if _, ok := ctx.Deadline(); !ok && r.Interactive {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, personTimeout)
		defer cancel()
	}
	var p api.Proof
	if err := c.callWith(ctx, http.MethodPost, api.PathProof, "", body, &p); err != nil {
		return api.Proof{}, err
	}
	if p.AccessToken == "" || p.TokenType == api.TypeDPoP && p.Proof == "" {
		return api.Proof{}, malformed()
	}
	return p, nil
}
