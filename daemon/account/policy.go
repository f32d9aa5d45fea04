package account

import (
	"errors"
	"time"

	"oauthd/ipc/api"
)

// Evidence is what the system says of a caller, and Process one process of it; AuditEvent is what is written down of one,
// and AuditRequest asks for that; ProxiedRequest is a request that a proxy answered.
type (
	Evidence       = api.Evidence
	Process        = api.Process
	AuditEvent     = api.AuditEvent
	AuditRequest   = api.AuditRequest
	ProxiedRequest = api.ProxiedRequest
)

// Names of what is audited; see [api.AuditToken].
const (
	AuditToken   = api.AuditToken
	AuditDenied  = api.AuditDenied
	AuditRefresh = api.AuditRefresh
	AuditConsent = api.AuditConsent
	AuditProxied = api.AuditProxied
)

// AuditOutcome is how the audit log says that something came to err: "ok" for nil, else the error's code.
func AuditOutcome(err error) string {
	if err == nil {
		return "ok"
	}
	if known := (*api.Error)(nil); errors.As(err, &known) {
		return string(known.Code)
	}
	return string(api.Internal)
}

// Excerpt is the beginning of a stranger's text; see [api.Excerpt].
func Excerpt(text string) string { return api.Excerpt(text) }

// Confirm is when a person is asked before an account is used.
type Confirm string

// When a person is asked.
const (
	ConfirmNever  Confirm = "never"
	ConfirmFirst  Confirm = "first"
	ConfirmAlways Confirm = "always"
)

// Policy is who may use an account. The zero Policy lets every program of our user use it.
type Policy struct {
	// Rules are tried in the order in which they stand in the account's file; the first that matches decides.
	Rules []Rule
	// Confirm is when a person is asked; "" means never.
	Confirm Confirm
}

// IsZero reports whether p asks for nothing, so that who asks need not be looked at.
func (p Policy) IsZero() bool {
	return len(p.Rules) == 0 && (p.Confirm == "" || p.Confirm == ConfirmNever)
}

// Rule is one [[allow]] or [[deny]] of an account's file. Each condition that is set must hold; one that sets none matches
// every caller.
type Rule struct {
	// Deny is true for [[deny]].
	Deny bool
	// App, Unit, Exe, Origin and Socket are patterns as of path.Match; a pattern that ends in "/**" matches everything
	// below. Origin is for the program that the caller's session began with.
	App, Unit, Exe, Origin, Socket string
	// UID is the caller's user; nil for any.
	UID *int
	Limits
	// File and Line say where the rule stands.
	File string
	Line int
}

// Limits are what a caller that may use an account gets of it. A field that is not set limits nothing.
type Limits struct {
	// Scopes are all that a token may be good for.
	Scopes []string
	// Audiences are what a token may be for: audiences, or resources.
	Audiences []string
	// MaxTTL is how much longer a token may live when it is handed out.
	MaxTTL time.Duration
	// Rate is how often a token is handed out.
	Rate Rate
}

// Rate is so many times in a period. The zero Rate is no limit.
type Rate struct {
	Times int
	Per   time.Duration
}

// Socket is a socket that serves one account under limits.
type Socket struct {
	// Name is the socket's path.
	Name    string
	Account string
	// UID is the user whose programs may connect.
	UID int
	// Exe is the pattern that a caller's program must match; "" for any.
	Exe string
	// Max is how many tokens it hands out; 0 for any number.
	Max int
	Limits
}
