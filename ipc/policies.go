package ipc

import (
	"context"

	"oauthd/ipc/api"
)

// Policies is about who may use an account.
type Policies interface {
	// Whoami returns what the system says of the caller.
	Whoami(ctx context.Context) (api.Evidence, error)
	// CheckPolicy says what an account's policy says to a caller, and why.
	CheckPolicy(ctx context.Context, q api.PolicyQuestion) (api.PolicyAnswer, error)
	// Consents lists the questions that wait for a person, and the answers that are remembered.
	Consents(ctx context.Context) (api.Consents, error)
	// AnswerConsent takes a person's answer to the question of that id.
	AnswerConsent(ctx context.Context, id string, answer api.ConsentAnswer) (api.ConsentTaken, error)
	// ForgetConsents forgets the answers for an account, or all for "".
	ForgetConsents(ctx context.Context, account string) (api.Forgotten, error)
}

// maxSmall bounds a body that has no more than a few short fields, in bytes.
const maxSmall = 8 << 10

func (sv *serving) policyRoutes() []route {
	if sv.cfg.Backend.Policies == nil {
		return nil
	}
	return []route{
		{method: "GET", path: api.PathWhoami, serve: sv.getWhoami},
		{method: "POST", path: api.PathPolicy, body: maxSmall, serve: sv.postPolicy},
		{method: "GET", path: api.PathConsents, serve: sv.getConsents},
		{method: "DELETE", path: api.PathConsents, query: true, serve: sv.deleteConsents},
		{method: "POST", path: api.PathConsent, body: maxSmall, serve: sv.postConsent},
	}
}

func (sv *serving) getWhoami(ctx context.Context, c *call) error {
	e, err := sv.cfg.Backend.Policies.Whoami(ctx)
	return c.answer(e, err)
}

func (sv *serving) postPolicy(ctx context.Context, c *call) error {
	var q api.PolicyQuestion
	if err := decodeStrict(c.body, &q, fieldsOf[api.PolicyQuestion]()); err != nil {
		return err
	}
	if err := api.CheckAccountName(q.Account); err != nil {
		return err
	}
	answer, err := sv.cfg.Backend.Policies.CheckPolicy(ctx, q)
	return c.answer(answer, err)
}

func (sv *serving) getConsents(ctx context.Context, c *call) error {
	all, err := sv.cfg.Backend.Policies.Consents(ctx)
	return c.answer(all, err)
}

func (sv *serving) deleteConsents(ctx context.Context, c *call) error {
	var name string
	err := readQuery(c.r.URL.RawQuery, []string{"account"}, func(_, value string) error {
		name = value
		return api.CheckAccountName(value)
	})
	if err != nil {
		return err
	}
	n, err := sv.cfg.Backend.Policies.ForgetConsents(ctx, name)
	return c.answer(n, err)
}

func (sv *serving) postConsent(ctx context.Context, c *call) error {
	var answer api.ConsentAnswer
	if err := decodeStrict(c.body, &answer, fieldsOf[api.ConsentAnswer]()); err != nil {
		return err
	}
	taken, err := sv.cfg.Backend.Policies.AnswerConsent(ctx, c.r.PathValue("id"), answer)
	return c.answer(taken, err)
}
