package ipc

import (
	"context"
	"net/http"

	"oauthd/ipc/api"
)

// Tokens hands out access tokens.
type Tokens interface {
	// Token answers one request, whose account name is well formed. It is not told if the caller goes away.
	Token(ctx context.Context, r api.TokenRequest) (api.Token, error)
}

func (sv *serving) tokenRoutes() []route {
	if sv.cfg.Backend.Tokens == nil {
		return nil
	}
	return []route{
		{method: "GET", path: api.PathToken, query: true, serve: sv.getToken},
		{method: "POST", path: api.PathToken, body: maxTokenRequest, serve: sv.postToken},
	}
}

func (sv *serving) getToken(ctx context.Context, c *call) error {
	req, err := queryTokenRequest(c.r.URL.RawQuery)
	if err != nil {
		return err
	}
	return sv.writeToken(ctx, c, req)
}

func (sv *serving) postToken(ctx context.Context, c *call) error {
	req, err := decodeTokenRequest(c.body)
	if err != nil {
		return err
	}
	return sv.writeToken(ctx, c, req)
}

func (sv *serving) writeToken(ctx context.Context, c *call, req api.TokenRequest) error {
	t, err := sv.token(ctx, req)
	if err != nil {
		return err
	}
	sv.asksFor(connOf(c.r), t.Account)
	out := sv.buffers.get()
	defer sv.buffers.put(out)
	*out = append(t.AppendJSON(*out), '\n')
	writeBody(c.w, http.StatusOK, *out)
	return nil
}

// token asks the backend, for both front ends, under the deadline that they gave ctx.
func (sv *serving) token(ctx context.Context, req api.TokenRequest) (t api.Token, err error) {
	if err := sv.admit(ctx, &req); err != nil {
		return api.Token{}, err
	}
	defer recovered(&err)
	t, err = sv.cfg.Backend.Tokens.Token(ctx, req)
	sv.missed(ctx, err)
	return t, err
}

// admit refuses what no backend need look at, and has ctx last until a person has logged in if the request may wait for that.
func (sv *serving) admit(ctx context.Context, req *api.TokenRequest) error {
	if sv.socket != nil {
		if err := sv.restrict(req); err != nil {
			return err
		}
	}
	if err := checkTokenRequest(*req); err != nil {
		return err
	}
	if limited, ok := ctx.(*requestContext); ok && req.Interactive {
		limited.extend(sv.limits.person)
	}
	return nil
}

// restrict puts the account of the restricted socket into a request, and refuses one for anything else. Nobody is asked to
// log in for a program that has no more than such a socket.
func (sv *serving) restrict(req *api.TokenRequest) error {
	if req.Account == "" && req.URL == "" {
		req.Account = sv.socket.Account
	}
	if req.Account != sv.socket.Account {
		return otherAccount(sv.socket.Account)
	}
	req.Interactive = false
	return nil
}

func otherAccount(name string) error {
	return &api.Error{Code: api.PolicyDenied, Message: "this socket serves the account " + name + " alone", Hint: "leave the account out of the request"}
}
