package api

import "time"

// Names of what is audited, in [AuditEvent.Event].
const (
	AuditToken   = "token"   // a token was handed out
	AuditDenied  = "denied"  // a caller was refused one
	AuditRefresh = "refresh" // the provider was asked for a new one
	AuditLogin   = "login"
	AuditLogout  = "logout"
	AuditImport  = "import"
	AuditConsent = "consent" // a person answered a question
	AuditLock    = "lock"
	AuditUnlock  = "unlock"
	AuditPolicy  = "policy"  // the rules of an account changed
	AuditProxied = "request" // a proxy of oauthd's has answered a request
)

// AuditEvent is one line of the audit log. It has no secret, and no token.
type AuditEvent struct {
	At      time.Time `json:"at"`
	Event   string    `json:"event"`
	Account string    `json:"account,omitempty"`
	// Caller is who asked; nil if the daemon acted by itself.
	Caller *Evidence `json:"caller,omitempty"`
	// Scope, Audience and Resource are what was asked for. The space-separated Scope of a token that was handed out is what it
	// covers, if the provider has said so; it is "" for whatever there is.
	Scope    string `json:"scope,omitempty"`
	Audience string `json:"audience,omitempty"`
	Resource string `json:"resource,omitempty"`
	// Rule is what decided: "FILE:LINE" of a rule, or "consent"; "" if the account has no policy.
	Rule string `json:"rule,omitempty"`
	// Outcome is "ok", or the error's code.
	Outcome string `json:"outcome"`
	// Detail is a sentence, or a person's answer.
	Detail string `json:"detail,omitempty"`
	// Fingerprint is that of the access token, by which a leaked one can be traced; "" if there is none.
	Fingerprint string `json:"fingerprint,omitempty"`
	// Method, URL and Status are those of a request to a proxy of oauthd's; Status is 0 if nobody waited for the answer.
	Method string `json:"method,omitempty"`
	URL    string `json:"url,omitempty"`
	Status int    `json:"status,omitempty"`
	// Repeats is how many times the same happened again, the last time at Last. The first time has a line of its own.
	Repeats int        `json:"repeats,omitempty"`
	Last    *time.Time `json:"last,omitempty"`
}

// ProxiedRequest is a request that a proxy of oauthd's has answered, for the audit log.
type ProxiedRequest struct {
	Account string `json:"account"`
	Method  string `json:"method"`
	// URL is where it went, without a query.
	URL string `json:"url"`
	// Status is the answer's; 0 if nobody waited for it.
	Status int `json:"status,omitempty"`
	// Code is why the server was not asked, or could not be; "" if the answer is its own.
	Code Code `json:"code,omitempty"`
}

// ProxiedRequests are some of them, at most [MaxProxied] at a time, in their order.
type ProxiedRequests struct {
	Requests []ProxiedRequest `json:"requests"`
}

// MaxProxied is how many requests of a proxy can be noted at a time, and MaxProxiedURL how long the URL of each may be, in bytes.
const (
	MaxProxied    = 256
	MaxProxiedURL = 1 << 10
)

// AuditRequest asks for a part of the audit log.
type AuditRequest struct {
	// Account is its name, and Caller a part of the caller's program, unit, application or origin; "" for any.
	Account string `json:"account,omitempty"`
	Caller  string `json:"caller,omitempty"`
	// Since is the time of the first event; nil for all there are.
	Since *time.Time `json:"since,omitempty"`
	// Token finds the events of one access token.
	Token Confidential `json:"token,omitempty"`
	// Follow goes on with what happens then.
	Follow bool `json:"follow,omitempty"`
}
