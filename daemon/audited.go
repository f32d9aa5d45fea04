package daemon

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"iter"

	"oauthd/daemon/account"
	"oauthd/daemon/audit"
	"oauthd/daemon/words"
	"oauthd/ipc/api"
)

// auditToken writes down that a caller was given a token, or was refused one. The error means that the token must not be
// handed out.
func (d *Daemon) auditToken(ctx context.Context, r api.TokenRequest, ad admission, t api.Token, failed error) error {
	event, outcome := api.AuditToken, "ok"
	if failed != nil {
		var e *api.Error
		if !errors.As(failed, &e) || e.Code != api.PolicyDenied {
			return nil
		}
		event, outcome = api.AuditDenied, string(e.Code)
	}
	if !d.auditing() {
		return nil
	}
	c, called := account.CallerFrom(ctx)
	caller := ad.caller
	if caller.PID == 0 {
		caller = c.Known()
	}
	k := audit.Key{
		Event: event, Account: r.Account, Scope: r.Scope, Audience: r.Audience, Resource: r.Resource, Outcome: outcome,
		PID: caller.PID, Start: caller.Start,
	}
	k.Rule, k.Line = ad.rule()
	if caller.Through != nil {
		k.Through = caller.Through.PID
	}
	if t.AccessToken != "" {
		k.Token = maphash.String(d.prints.seed, t.AccessToken)
		d.prints.await(ctx)
	}
	err := d.audit.Note(k, func() account.AuditEvent {
		e := account.AuditEvent{
			Event: event, Account: r.Account, Scope: r.Scope, Audience: r.Audience, Resource: r.Resource,
			Rule: k.Rule, Outcome: outcome, Fingerprint: d.prints.of(t.AccessToken),
		}
		if k.Line > 0 {
			e.Rule = fmt.Sprintf("%s:%d", k.Rule, k.Line)
		}
		if t.Scope != "" {
			e.Scope = t.Scope
		}
		if called {
			asked := caller // a copy, so that only what is written down is allocated
			e.Caller = &asked
		}
		if failed != nil {
			e.Detail = failed.Error()
		}
		return e
	})
	if err != nil && d.book.AuditRequired() && failed == nil {
		return words.NotAudited(err)
	}
	return nil
}

// rule says what admitted a request: a person's consent, or a line of a file; "" for nothing.
func (ad admission) rule() (by string, line int) {
	switch rule := ad.decision.Rule; {
	case ad.decision.Ask:
		return "consent", 0
	case rule != nil:
		return rule.File, rule.Line
	}
	return "", 0
}

// note writes down something else that happened to an account; "" is for all of them.
func (d *Daemon) note(ctx context.Context, event, name, detail string, failed error) {
	if !d.auditing() {
		return
	}
	e := account.AuditEvent{Event: event, Account: name, Detail: detail, Outcome: "ok"}
	if failed != nil {
		e.Outcome = string(api.Internal)
		var known *api.Error
		if errors.As(failed, &known) {
			e.Outcome = string(known.Code)
		}
	}
	if c, ok := account.CallerFrom(ctx); ok {
		caller := c.Known()
		e.Caller = &caller
	}
	k := audit.Key{Event: event, Account: name, Outcome: e.Outcome, Rule: detail}
	if e.Caller != nil {
		k.PID, k.Start = e.Caller.PID, e.Caller.Start
	}
	_ = d.audit.Note(k, func() account.AuditEvent { return e }) // the log says that it failed
}

// Audit returns a part of the audit log, and what happens then if it is to be followed.
func (d *Daemon) Audit(ctx context.Context, r api.AuditRequest) (iter.Seq2[api.AuditEvent, error], error) {
	if !d.auditing() {
		return nil, words.NoAudit()
	}
	w := audit.Wanted{AuditRequest: r}
	if r.Token != "" {
		d.prints.await(ctx)
		if w.Fingerprint = d.prints.of(string(r.Token)); w.Fingerprint == "" {
			return nil, words.NoFingerprint()
		}
	}
	return d.audit.Read(ctx, w), nil
}

// auditFailed is told when the log cannot be written, and when it can again.
func (d *Daemon) auditFailed(err error) {
	if err != nil {
		d.log.Error().Err(err).Msg("audit log cannot be written")
		return
	}
	d.log.Info().Msg("audit log is written again")
}

// auditRefresh writes down that the provider gave a new token.
func (d *Daemon) auditRefresh(name string, t account.Token) {
	if !d.auditing() {
		return
	}
	access := t.Access.Reveal()
	k := audit.Key{Event: api.AuditRefresh, Account: name, Outcome: "ok", Token: maphash.String(d.prints.seed, access)}
	_ = d.audit.Note(k, func() account.AuditEvent {
		return account.AuditEvent{Event: api.AuditRefresh, Account: name, Outcome: "ok", Fingerprint: d.prints.of(access)}
	})
}

// auditing reports whether an audit log is written.
func (d *Daemon) auditing() bool { return d.cfg.AuditDir != "" && d.book.Audit() }
