package daemon

import (
	"context"

	"oauthd/daemon/account"
	"oauthd/ipc/api"
)

// Consents lists the questions that wait for a person, and the answers that are remembered.
func (d *Daemon) Consents(context.Context) (api.Consents, error) { return d.consent.List(), nil }

// AnswerConsent takes a person's answer to the question of that id; see [admit.Guard.Answer].
func (d *Daemon) AnswerConsent(ctx context.Context, id string, answer api.ConsentAnswer) (api.ConsentTaken, error) {
	return d.guard.Answer(ctx, id, answer)
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

// CheckPolicy says what the policy of an account says to a caller, and why; see [admit.Guard.Check].
func (d *Daemon) CheckPolicy(ctx context.Context, q api.PolicyQuestion) (api.PolicyAnswer, error) {
	return d.guard.Check(ctx, q)
}
