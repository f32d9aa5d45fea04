package daemon

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"oauthd/daemon/account"
	"oauthd/daemon/book"
	"oauthd/daemon/config"
	"oauthd/daemon/consent"
	"oauthd/daemon/policy"
	"oauthd/daemon/words"
	"oauthd/ipc/api"
)

// morePatience is how much longer a request may take that waits for a person's consent.
const morePatience = 90 * time.Second

// agreed asks a person whether an admitted caller may use a, as the policy says.
func (d *Daemon) agreed(ctx context.Context, a account.Account, ad admission) error {
	if patient, ok := ctx.(interface{ AwaitPerson(time.Duration) }); ok {
		patient.AwaitPerson(morePatience)
	}
	q := api.Question{Account: a.Name, Caller: ad.caller, File: a.File, Managed: a.Managed, Answers: api.ConsentAnswers()}
	for _, l := range ad.limits {
		if l.Scopes != nil {
			q.Scopes = l.Scopes
		}
	}
	fresh := a.Policy.Confirm == account.ConfirmAlways
	if rule, ok := alwaysRule(ad.caller); ok && !fresh {
		q.Always = config.RuleText(rule)
	} else {
		q.Answers = slices.DeleteFunc(q.Answers, func(answer string) bool { return answer == api.ConsentAlways })
	}
	if fresh {
		q.Answers = []string{api.ConsentOnce, api.ConsentDeny}
	}
	return d.consent.Ask(ctx, q, fresh)
}

// alwaysRule is the rule that lets a caller use an account for good, by the socket that it came by; ok is false if nothing is
// known by which to know it again, and it alone.
func alwaysRule(e api.Evidence) (r account.Rule, ok bool) {
	const pattern = `*?[\` // a name with one of these would match other names as well
	switch known := cmp.Or(e.App, e.Executable); {
	case known == "" || strings.ContainsAny(known, pattern):
		return account.Rule{}, false
	case e.App != "":
		return account.Rule{App: e.App, Socket: e.Socket}, !strings.ContainsAny(e.Socket, pattern)
	default:
		return account.Rule{Exe: e.Executable, Socket: e.Socket}, !strings.ContainsAny(e.Socket, pattern)
	}
}

// Consents lists the questions that wait for a person, and the answers that are remembered.
func (d *Daemon) Consents(context.Context) (api.Consents, error) { return d.consent.List(), nil }

// AnswerConsent takes a person's answer to the question of that id, which oauthd approve brings from a terminal. An answer
// from the session of the program that asks is refused.
func (d *Daemon) AnswerConsent(ctx context.Context, id string, answer api.ConsentAnswer) (api.ConsentTaken, error) {
	q, ok := d.consent.Question(id)
	if !ok {
		return api.ConsentTaken{}, words.NoQuestion(id)
	}
	c, _ := account.CallerFrom(ctx)
	if why := consent.Foreign(q.Caller, c.Known()); why != "" {
		return api.ConsentTaken{}, words.OwnAnswer(q, why)
	}
	q, err := d.consent.Answer(id, answer.Answer)
	if err != nil {
		return api.ConsentTaken{}, err
	}
	account.LogCaller(ctx, d.log.Info()).Str("account", q.Account).Str("answer", answer.Answer).Msg("consent answered")
	if answer.Answer != api.ConsentAlways {
		return api.ConsentTaken{}, nil
	}
	return d.always(ctx, q)
}

// always puts the rule of an answer into the account's file, if that is the daemon's.
func (d *Daemon) always(ctx context.Context, q api.Question) (api.ConsentTaken, error) {
	taken := api.ConsentTaken{Rule: q.Always, File: q.File}
	rule, ok := alwaysRule(q.Caller)
	if !ok || !q.Managed {
		return taken, nil
	}
	err := d.book.Change(ctx, q.Account, func(a *account.Account) { a.Policy.Rules = append(slices.Clone(a.Policy.Rules), rule) })
	if errors.Is(err, book.ErrNotManaged) {
		return taken, nil // a person has taken it over
	}
	if err != nil {
		return taken, err
	}
	taken.Written = true
	d.audit.Note(ctx, api.AuditPolicy, q.Account, "always: "+strings.Join(strings.Fields(q.Always), " "), nil)
	return taken, nil
}

// ForgetConsents forgets the answers for the account of that name, or all for "".
func (d *Daemon) ForgetConsents(ctx context.Context, name string) (api.Forgotten, error) {
	n := d.consent.Forget(name)
	account.LogCaller(ctx, d.log.Info()).Str("account", name).Int("answers", n).Msg("consent forgotten")
	return api.Forgotten{Forgotten: n}, nil
}

// Whoami returns what the system says of the caller.
func (d *Daemon) Whoami(ctx context.Context) (api.Evidence, error) {
	c, _ := account.CallerFrom(ctx)
	return c.Known(), nil
}

// CheckPolicy says what the policy of an account says to a caller, and why.
func (d *Daemon) CheckPolicy(ctx context.Context, q api.PolicyQuestion) (api.PolicyAnswer, error) {
	d.book.Refresh(ctx, q.Account) // somebody is editing the file
	a, err := d.book.Account(ctx, q.Account)
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
