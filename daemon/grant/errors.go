package grant

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Kind is what to do about a [ProviderError].
type Kind string

// The kinds of a [ProviderError].
const (
	// Transient means: keep the credential and try later.
	Transient Kind = "transient"
	// LoginRequired means that the provider has definitely refused the credential; a person has to log in.
	LoginRequired Kind = "login_required"
	// Configuration means that neither waiting nor a login helps: the client, its scopes or its endpoints are wrong.
	Configuration Kind = "configuration"
	// Unknown means none of these for certain: keep the credential and show the error.
	Unknown Kind = "unknown"
)

// kindOf maps the error codes that say what to do: RFC 6749 §5.2, OpenID Connect Core 1.0 §3.1.2.6, RFC 8707 §2, RFC
// 7009 §2.2.1, RFC 7591 §3.2.2, RFC 9449 §5 and §8, then GitHub's and Google's own.
func kindOf(code string) Kind {
	switch code {
	case "temporarily_unavailable", "server_error":
		return Transient
	case "invalid_grant", "interaction_required", "consent_required", "login_required",
		"bad_refresh_token", "bad_verification_code":
		return LoginRequired
	case "invalid_client", "unauthorized_client", "invalid_scope", "unsupported_grant_type", "invalid_request",
		"invalid_target", "invalid_resource", "unsupported_token_type", "invalid_redirect_uri", "invalid_client_metadata",
		"invalid_dpop_proof", "use_dpop_nonce", "incorrect_client_credentials", "redirect_uri_mismatch", "deleted_client", "device_flow_disabled":
		return Configuration
	default:
		return Unknown
	}
}

// ProviderError is the failure of a request to a provider. Its texts are excerpts, as [api.Excerpt] makes them, without
// the secrets that the request carried or the answer has; nothing else of the provider's answer is in it.
type ProviderError struct {
	Kind Kind
	// Code is the error code (RFC 6749 §5.2), Description the provider's own words, Subtype Google's error_subtype or
	// Microsoft's suberror; "" if there is none.
	Code, Description, Subtype string
	// Status is the HTTP status; 0 if no answer came.
	Status int
	// RetryAfter is how long the provider asks to wait, at most an hour; 0 if it does not say.
	RetryAfter time.Duration
	// Ambiguous is true if the request was sent and no complete answer came back: the provider may have acted on it, and a
	// rotating refresh token may be spent.
	Ambiguous bool
	// Op is what was asked ("token request"), Endpoint is the URL without its query.
	Op, Endpoint string
	// Reason says what is wrong if the provider gave no error code.
	Reason string

	cause error
}

// Error says what was asked of which endpoint and what came of it, on one line.
func (e *ProviderError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s to %s: ", e.Op, e.Endpoint)
	switch {
	case e.Code != "":
		b.WriteString(e.Code)
	case e.Reason != "":
		b.WriteString(e.Reason)
	case errors.Is(e.cause, context.DeadlineExceeded):
		b.WriteString("no answer in time")
	case e.cause != nil:
		b.WriteString(e.cause.Error())
	default:
		b.WriteString("an error without a code")
	}
	if e.Subtype != "" {
		fmt.Fprintf(&b, " (%s)", e.Subtype)
	}
	if e.Description != "" {
		fmt.Fprintf(&b, ": %s", e.Description)
	}
	if e.Status != 0 {
		fmt.Fprintf(&b, " [HTTP %d]", e.Status)
	}
	return b.String()
}

// Unwrap returns the failure of the network or context, or nil.
func (e *ProviderError) Unwrap() error { return e.cause }

// Transient reports whether another try may succeed later, and how long the provider asks to wait before it.
func (e *ProviderError) Transient() (retryAfter time.Duration, ok bool) {
	return e.RetryAfter, e.Kind == Transient
}

// Pause reports whether the request is made again only after a pause, and how long the provider asks that to be. Neither a
// hotel's login page nor a wrong client gets better by asking at once, and callers may be many; only the end of a login is
// answered without a request.
func (e *ProviderError) Pause() (retryAfter time.Duration, ok bool) {
	return e.RetryAfter, e.Kind != LoginRequired
}

// ofMachine turns fail into the error of a grant that needs no person, so a login cannot help. asserted means that the
// request had a signed assertion, whose times are by this machine's clock.
func (a Answer) ofMachine(fail *ProviderError, asserted bool) *ProviderError {
	if fail.Kind == LoginRequired {
		fail.Kind = Configuration
	}
	if trouble := a.clockTrouble(); asserted && trouble != "" && (fail.Code == "invalid_grant" || fail.Code == "invalid_client") {
		if fail.Description != "" {
			trouble = fail.Description + "; " + trouble
		}
		fail.Description = trouble
	}
	return fail
}
