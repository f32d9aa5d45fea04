package ipc

import (
	"context"
	"net/http"

	"oauthd/ipc/api"
)

func (sv *serving) getToken(ctx context.Context, w http.ResponseWriter, r *http.Request) error {
	req, err := queryTokenRequest(r.URL.RawQuery)
	if err != nil {
		return err
	}
	return sv.writeToken(ctx, w, req)
}

func (sv *serving) postToken(ctx context.Context, w http.ResponseWriter, r *http.Request) error {
	body, err := sv.readBody(w, r, maxTokenRequest)
	if err != nil {
		return err
	}
	req, err := decodeTokenRequest(body)
	if err != nil {
		return err
	}
	return sv.writeToken(ctx, w, req)
}

func (sv *serving) writeToken(ctx context.Context, w http.ResponseWriter, req api.TokenRequest) error {
	t, err := sv.token(ctx, req)
	if err != nil {
		return err
	}
	out := sv.answers.get()
	defer sv.answers.put(out)
	*out = append(appendToken(*out, &t), '\n')
	writeBody(w, http.StatusOK, *out)
	return nil
}

func (sv *serving) getAccounts(ctx context.Context, w http.ResponseWriter, _ *http.Request) error {
	list, err := sv.cfg.Backend.Accounts(ctx)
	if err != nil {
		return err
	}
	if list == nil {
		list = []api.Account{}
	}
	return writeJSON(w, list)
}

func (sv *serving) getAccount(ctx context.Context, w http.ResponseWriter, r *http.Request) error {
	a, err := sv.cfg.Backend.Account(ctx, r.PathValue("name"))
	if err != nil {
		return err
	}
	return writeJSON(w, a)
}

func (sv *serving) deleteAccount(ctx context.Context, w http.ResponseWriter, r *http.Request) error {
	res, err := sv.cfg.Backend.Remove(ctx, r.PathValue("name"))
	if err != nil {
		return err
	}
	return writeJSON(w, res)
}

func (sv *serving) postLogout(ctx context.Context, w http.ResponseWriter, r *http.Request) error {
	res, err := sv.cfg.Backend.Logout(ctx, r.PathValue("name"))
	if err != nil {
		return err
	}
	return writeJSON(w, res)
}

func (sv *serving) postCallback(ctx context.Context, w http.ResponseWriter, r *http.Request) error {
	body, err := sv.readBody(w, r, maxTokenRequest)
	if err != nil {
		return err
	}
	var c api.Callback
	if err := decodeStrict(body, &c, []string{"url"}); err != nil {
		return err
	}
	if err := sv.cfg.Backend.Callback(ctx, r.PathValue("id"), string(c.URL)); err != nil {
		return err
	}
	return writeJSON(w, struct{}{})
}

func (sv *serving) getStatus(ctx context.Context, w http.ResponseWriter, _ *http.Request) error {
	st, err := sv.cfg.Backend.Status(ctx)
	if err != nil {
		return err
	}
	return writeJSON(w, st)
}

func (sv *serving) postShutdown(ctx context.Context, w http.ResponseWriter, _ *http.Request) error {
	if err := sv.cfg.Backend.Shutdown(ctx); err != nil {
		return err
	}
	return writeJSON(w, struct{}{})
}
