package admit

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
	"oauthd/daemon/words"
	"oauthd/ipc/api"
)

// morePatience is how much longer a request may take that waits for a person's consent.
const morePatience = 90 * time.Second

// agreed asks a person whether an admitted caller may use a, as the policy says.
func (g *Guard) agreed(ctx context.Context, a account.Account, p Pass) error {
	if patient, ok := ctx.(interface{ AwaitPerson(time.Duration) }); ok {
		patient.AwaitPerson(morePatience)
	}
	q := api.Question{Account: a.Name, Caller: p.Caller, File: a.File, Managed: a.Managed, Answers: api.ConsentAnswers()}
	for _, l := range p.limits {
		if l.Scopes != nil {
			q.Scopes = l.Scopes
		}
	}
	fresh := a.Policy.Confirm == account.ConfirmAlways
	if rule, ok := alwaysRule(p.Caller); ok && !fresh {
		q.Always = config.RuleText(rule)
	} else {
		q.Answers = slices.DeleteFunc(q.Answers, func(answer string) bool { return answer == api.ConsentAlways })
	}
	if fresh {
		q.Answers = []string{api.ConsentOnce, api.ConsentDeny}
	}
	return g.cfg.Consent.Ask(ctx, q, fresh)
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

// Answer takes a person's answer to the question of that id, which oauthd approve brings from a terminal. An answer
// from the session of the program that asks is refused.
func (g *Guard) Answer(ctx context.Context, id string, answer api.ConsentAnswer) (api.ConsentTaken, error) {
	q, ok := g.cfg.Consent.Question(id)
	if !ok {
		return api.ConsentTaken{}, words.NoQuestion(id)
	}
	c, _ := account.CallerFrom(ctx)
	if why := consent.Foreign(q.Caller, c.Known()); why != "" {
		return api.ConsentTaken{}, words.OwnAnswer(q, why)
	}
	q, err := g.cfg.Consent.Answer(id, answer.Answer)
	if err != nil {
		return api.ConsentTaken{}, err
	}
	account.LogCaller(ctx, g.cfg.Log.Info()).Str("account", q.Account).Str("answer", answer.Answer).Msg("consent answered")
	if answer.Answer != api.ConsentAlways {
		return api.ConsentTaken{}, nil
	}
	return g.always(ctx, q)
}

// always puts the rule of an answer into the account's file, if that is the daemon's.
func (g *Guard) always(ctx context.Context, q api.Question) (api.ConsentTaken, error) {
	taken := api.ConsentTaken{Rule: q.Always, File: q.File}
	rule, ok := alwaysRule(q.Caller)
	if !ok || !q.Managed {
		return taken, nil
	}
	err := g.cfg.Book.Change(ctx, q.Account, func(a *account.Account) { a.Policy.Rules = append(slices.Clone(a.Policy.Rules), rule) })
	if errors.Is(err, book.ErrNotManaged) {
		return taken, nil // a person has taken it over
	}
	if err != nil {
		return taken, err
	}
	taken.Written = true
	g.cfg.Note(ctx, q.Account, "always: "+strings.Join(strings.Fields(q.Always), " "))
	return taken, nil
}
