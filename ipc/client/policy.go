package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"oauthd/ipc/api"
)

// Whoami returns what the daemon sees of this program.
func (c *Client) Whoami(ctx context.Context) (e api.Evidence, err error) {
	err = c.call(ctx, http.MethodGet, api.PathWhoami, "", &e)
	return e, err
}

// CheckPolicy returns what an account's policy says to a caller, and why.
func (c *Client) CheckPolicy(ctx context.Context, q api.PolicyQuestion) (answer api.PolicyAnswer, err error) {
	body, err := json.Marshal(q)
	if err == nil {
		err = c.callWith(ctx, http.MethodPost, api.PathPolicy, "", body, &answer)
	}
	return answer, err
}

// Consents returns the questions that wait for a person, and the answers that are remembered.
func (c *Client) Consents(ctx context.Context) (all api.Consents, err error) {
	err = c.call(ctx, http.MethodGet, api.PathConsents, "", &all)
	return all, err
}

// AnswerConsent answers the question of that id. Only oauthd approve in a terminal of its own may.
func (c *Client) AnswerConsent(ctx context.Context, id, answer string) (taken api.ConsentTaken, err error) {
	body, err := json.Marshal(api.ConsentAnswer{Answer: answer})
	if err == nil {
		err = c.callWith(ctx, http.MethodPost, strings.Replace(api.PathConsent, "{id}", url.PathEscape(id), 1), "", body, &taken)
	}
	return taken, err
}

// ForgetConsents forgets the remembered answers for an account, or all for "", and returns how many.
func (c *Client) ForgetConsents(ctx context.Context, account string) (int, error) {
	path := api.PathConsents
	if account != "" {
		path += "?account=" + url.QueryEscape(account)
	}
	var n api.Forgotten
	err := c.call(ctx, http.MethodDelete, path, "", &n)
	return n.Forgotten, err
}
