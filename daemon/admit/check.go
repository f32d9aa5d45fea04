package admit

import (
	"context"

	"oauthd/daemon/account"
	"oauthd/daemon/config"
	"oauthd/daemon/policy"
	"oauthd/daemon/words"
	"oauthd/ipc/api"
)

// Check says what the policy of an account says to a caller, and why.
func (g *Guard) Check(ctx context.Context, q api.PolicyQuestion) (api.PolicyAnswer, error) {
	g.cfg.Book.Refresh(ctx, q.Account) // somebody is editing the file
	a, err := g.cfg.Book.Account(ctx, q.Account)
	if err != nil {
		return api.PolicyAnswer{}, err
	}
	c, _ := account.CallerFrom(ctx)
	caller := c.Known()
	if q.App != "" || q.Unit != "" || q.Executable != "" || q.Origin != "" || q.Socket != "" {
		caller = api.Evidence{UID: c.UID, App: q.App, Unit: q.Unit, Socket: q.Socket, Process: api.Process{Executable: q.Executable}}
		if q.Origin != "" {
			caller.Origin = &api.Process{Executable: q.Origin}
		}
	}
	decision := policy.Decide(a.Policy, caller, policy.Request{Scopes: account.Scopes(q.Scope), Audience: q.Audience})
	answer := api.PolicyAnswer{
		Account: a.Name, Outcome: api.PolicyAllowed, Why: words.PolicySays(a, decision), File: a.File, Caller: caller,
		Scopes: decision.Limits.Scopes, Audiences: decision.Limits.Audiences,
	}
	if !decision.Allowed {
		answer.Outcome = api.PolicyRefused
	} else if decision.Ask {
		answer.Outcome = api.PolicyAsk
	}
	if decision.Rule != nil {
		answer.Rule, answer.Line = config.RuleText(*decision.Rule), decision.Rule.Line
	}
	return answer, nil
}
