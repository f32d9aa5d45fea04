package ipc

import (
	"context"
	"iter"
	"time"

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
	// Audit returns a part of the audit log, and what happens then if it is to be followed. The sequence ends with its
	// context; an error is its last element.
	Audit(ctx context.Context, r api.AuditRequest) (iter.Seq2[api.AuditEvent, error], error)
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
		{method: "GET", path: api.PathAudit, query: true, serve: sv.getAudit, stream: true},
		{method: "POST", path: api.PathAudit, body: maxTokenRequest, serve: sv.postAudit, stream: true},
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

// getAudit takes what a URL can say; a token is no part of that.
func (sv *serving) getAudit(ctx context.Context, c *call) error {
	var r api.AuditRequest
	err := readQuery(c.r.URL.RawQuery, []string{"account", "caller", "since", "follow"}, func(key, value string) error {
		switch key {
		case "account":
			r.Account = value
		case "caller":
			r.Caller = value
		case "follow":
			return setFlag(&r.Follow, key, value)
		case "since":
			at, err := time.Parse(time.RFC3339, value)
			if err != nil {
				return badRequest("since must be a time, as of RFC 3339", "write it like since=2026-01-31T12:00:00Z")
			}
			r.Since = &at
		}
		return nil
	})
	if err != nil {
		return err
	}
	return sv.audit(ctx, c, r)
}

func (sv *serving) postAudit(ctx context.Context, c *call) error {
	var r api.AuditRequest
	if err := decodeStrict(c.body, &r, fieldsOf[api.AuditRequest]()); err != nil {
		return err
	}
	return sv.audit(ctx, c, r)
}

// audit sends events as they are read, and as they happen.
func (sv *serving) audit(ctx context.Context, c *call, r api.AuditRequest) error {
	if r.Account != "" {
		if err := api.CheckAccountName(r.Account); err != nil {
			return err
		}
	}
	ctx, events, end := sv.openStream(ctx, c)
	defer end()
	all, err := sv.cfg.Backend.Policies.Audit(ctx, r)
	if err != nil {
		return err
	}
	events.begin()
	for e, err := range all {
		if err != nil {
			events.write(api.WatchEvent{Event: api.EventError, Error: sv.report(ctx, c.r.Pattern, r.Account, err)})
			return nil
		}
		if events.write(e); ctx.Err() != nil {
			return nil
		}
	}
	return nil
}
