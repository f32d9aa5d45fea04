package daemon

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"strings"

	"oauthd/daemon/admit"
	"oauthd/daemon/audit"
	"oauthd/daemon/words"
	"oauthd/ipc/api"
)

// auditToken writes down that a caller was given a token, or was refused one. The error means that the token must not be
// handed out.
func (d *Daemon) auditToken(ctx context.Context, r api.TokenRequest, pass admit.Pass, t api.Token, failed error) error {
	if failed != nil {
		var e *api.Error
		if !errors.As(failed, &e) || e.Code != api.PolicyDenied {
			return nil
		}
	}
	u := audit.Use{
		Account: r.Account, Scope: r.Scope, Audience: r.Audience, Resource: r.Resource, Caller: pass.Caller, Token: t.AccessToken,
		Granted: t.Scope, Refused: failed,
	}
	u.Rule, u.Line = pass.Rule()
	if err := d.audit.Token(ctx, u); err != nil && d.book.AuditRequired() && failed == nil {
		return words.NotAudited(err)
	}
	return nil
}

// auditAnswer writes down what a person answered; "" for nothing.
func (d *Daemon) auditAnswer(q api.Question, answer string) {
	u := audit.Use{Account: q.Account, Scope: strings.Join(q.Scopes, " "), Caller: q.Caller}
	if answer == "" || answer == api.ConsentDeny {
		u.Refused = &api.Error{Code: api.PolicyDenied}
	}
	d.audit.Answered(u, q.ID, cmp.Or(answer, "no answer"))
}

// policyChanged writes down that who may use an account has changed.
func (d *Daemon) policyChanged(ctx context.Context, name, detail string) {
	d.audit.Note(ctx, api.AuditPolicy, name, detail, nil)
}

// auditKey fetches the key of the audit log's fingerprints.
func (d *Daemon) auditKey(ctx context.Context) ([]byte, error) {
	leave, err := d.vault.Gate().Enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	return d.vault.AuditKey(ctx)
}

// Audit returns a part of the audit log, and what happens then if it is to be followed.
func (d *Daemon) Audit(ctx context.Context, r api.AuditRequest) (iter.Seq2[api.AuditEvent, error], error) {
	lines, err := d.audit.Read(ctx, r)
	switch err {
	case audit.ErrOff:
		return nil, words.NoAudit()
	case audit.ErrNoFingerprint:
		return nil, words.NoFingerprint()
	}
	return lines, err
}
