package daemon

import (
	"cmp"
	"context"
	"iter"
	"strings"

	"oauthd/daemon/audit"
	"oauthd/daemon/words"
	"oauthd/ipc/api"
)

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
