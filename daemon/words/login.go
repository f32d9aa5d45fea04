package words

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"oauthd/daemon/grant"
	"oauthd/ipc/api"
	"oauthd/redirect"
)

// errCancelled is behind the end of a login that a person gave up.
var errCancelled = errors.New("cancelled by a person")

// Login words what becomes of one login.
type Login struct {
	// Account and Provider are names; Issuer is "" if the provider has none.
	Account, Provider, Issuer string
	// New is true if the account has no file yet: a failed login leaves none, so its name alone says too little.
	New bool
	// Scopes are those that the login asks for.
	Scopes []string
	// Bound is true if its tokens are to be bound to a key (DPoP).
	Bound bool
}

// Again says how to log in once more.
func (l Login) Again() string {
	if l.New {
		return "run the same command again"
	}
	return "oauthd login " + l.Account + " starts it again"
}

// TimedOut words a login that nobody finished in time.
func (l Login) TimedOut(after time.Duration) *api.Error {
	return &api.Error{
		Code:    api.LoginTimeout,
		Message: fmt.Sprintf("nobody finished the login within %s", after),
		Hint:    l.Again() + "; --timeout gives more time",
	}
}

// Compare adds to a login that timed out what to compare with the client's registration, sent; nil for nothing. A provider
// that does not know the client or its redirect URI says so in the browser, and sends nobody back.
func (l Login) Compare(err error, sent *api.Registration) error {
	e := api.AsError(err)
	if e.Code != api.LoginTimeout || sent == nil {
		return err
	}
	where := "at " + l.Provider
	if sent.URL != "" {
		where += " (" + sent.URL + ")"
	}
	more := *e
	more.Hint = fmt.Sprintf("if the browser showed an error, check that the client %s is registered with the redirect URI %s %s; %s",
		api.Excerpt(sent.ClientID), sent.RedirectURI, where, e.Hint)
	return &more
}

// NoClient words a login that names no client, at an issuer that registers none by itself.
func (l Login) NoClient(redirectURI string) *api.Error {
	e := NoClient()
	e.Hint = fmt.Sprintf("register a native (desktop) client with the redirect URI %s at %s, then add --client-id ID, or --client-secrets FILE",
		redirectURI, l.Provider)
	return e
}

// Metadata adds to err, with which a login as the client of a document at url has ended, what to compare, and what else can be
// done; next is true if the next login will be as another client.
func (l Login) Metadata(err error, url, redirectURI string, next bool) error {
	e := *api.AsError(err)
	hint := fmt.Sprintf("check that everybody can read %s, and that it has the redirect URI %s", api.Excerpt(url), redirectURI)
	if next {
		hint += "; the next login registers a client instead"
	} else {
		hint += "; or register a native (desktop) client at " + l.Provider + ", and add --client-id ID"
	}
	if e.Code == api.LoginTimeout {
		hint = "if the browser showed an error, " + hint + "; " + e.Hint
	}
	e.Hint = hint
	return e.Because(err)
}

// NoLogin is the answer to a caller that means a login of name, "" if it gave none, when none is waiting.
func NoLogin(name string) *api.Error {
	if name == "" {
		return &api.Error{Code: api.UnknownLogin, Message: "no login is waiting for that", Hint: "oauthd login NAME starts one"}
	}
	return &api.Error{Code: api.UnknownLogin, Message: "no login of " + name + " is waiting", Hint: "oauthd login " + name + " starts one"}
}

// LoginSpent is the answer to a caller that comes after the provider's answer.
func LoginSpent() *api.Error {
	return &api.Error{Code: api.UnknownLogin, Message: "the login already has its answer, or has ended",
		Hint: "oauthd status shows the account's state"}
}

// LoginCancelled ends a login because a person wants it to end.
func LoginCancelled(name string) *api.Error {
	return (&api.Error{Code: api.LoginFailed, Message: "the login was cancelled by oauthd login --cancel " + name,
		Hint: "oauthd login " + name + " starts it again"}).Because(errCancelled)
}

// Cause returns why ctx ended, if that is what made err; else err.
func (l Login) Cause(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	var told *api.Error
	if cause := context.Cause(ctx); errors.As(cause, &told) {
		return told
	}
	return (&api.Error{Code: api.LoginFailed, Message: "the login was cancelled", Hint: l.Again()}).
		Because(errors.Join(errCancelled, err))
}

// LoginShared lets a login know that it waits for the one of that id, which is under way.
func LoginShared(name, id string) api.LoginEvent {
	return api.LoginEvent{Event: api.EventNotice, LoginID: id, Message: "a login to " + name + " is under way already, and this one waits for it"}
}

// Exchange words a token endpoint that gave no token for the login.
func (l Login) Exchange(err error) error {
	var refused *grant.ProviderError
	if !errors.As(err, &refused) {
		return (&api.Error{Code: api.LoginFailed, Message: l.Provider + " did not give a token for the login", Hint: l.Again()}).Because(err)
	}
	p := &api.Error{Code: api.LoginFailed, Hint: l.Again(),
		Message: fmt.Sprintf("%s did not give a token for the login: %s", l.Provider, Said(refused))}
	switch refused.Kind {
	case grant.Transient:
		p.Code, p.Hint = api.ProviderUnreachable, wayOut(refused, p.Hint)
	case grant.Configuration:
		p.Code, p.Hint = api.ProviderRejected, "check client id, client secret and redirect URI against the registration at the provider"
		if aboutProof(refused) {
			p.Hint = l.withProof()
		}
	}
	return p.Because(err)
}

// withProof says what to do about a login that was refused because of a DPoP proof, or for want of one.
func (l Login) withProof() string {
	switch {
	case l.Bound:
		return wrongProof
	case l.New:
		return "this provider binds tokens to a key: run the same command again with --dpop"
	}
	return "this provider binds tokens to a key: oauthd login " + l.Account + " --dpop"
}

// Response words what ended the wait for the browser.
func (l Login) Response(err error) error {
	var refused *redirect.AuthorizationError
	if !errors.As(err, &refused) {
		p := &api.Error{Code: api.LoginFailed, Message: "the answer of " + l.Provider + " cannot be used", Hint: l.Again()}
		if defect, ok := errors.AsType[redirect.Defect](err); ok {
			p.Message += ": " + defect.Error()
		}
		if errors.Is(err, redirect.ErrIssuerMismatch) {
			p.Message = "the answer names a different issuer than " + l.Issuer + ", so it was not used"
			p.Hint = "check which provider the browser showed before trying again"
		}
		return p.Because(err)
	}
	detail := refused.Code
	if refused.Description != "" {
		detail += ": " + refused.Description
	}
	p := &api.Error{Code: api.LoginFailed, Message: fmt.Sprintf("%s refused the login (%s)", l.Provider, detail), Hint: l.Again()}
	switch refused.Code {
	case "access_denied":
		p.Code, p.Message = api.LoginDenied, fmt.Sprintf("the login was denied at %s (%s)", l.Provider, detail)
	case "temporarily_unavailable", "server_error":
		p.Code = api.ProviderUnreachable
	case "invalid_scope":
		p.Hint = "check the names of the scopes: " + api.Excerpt(strings.Join(l.Scopes, " "))
	case "unauthorized_client", "invalid_request", "unsupported_response_type":
		p.Code, p.Hint = api.ProviderRejected, "check the client's registration at the provider"
	}
	return p.Because(err)
}

// Device words what ended a device login (RFC 8628 §3.5).
func (l Login) Device(err error) error {
	switch {
	case errors.Is(err, grant.ErrDeviceDenied):
		return (&api.Error{Code: api.LoginDenied, Message: "the login was denied at " + l.Provider, Hint: l.Again()}).Because(err)
	case errors.Is(err, grant.ErrDeviceExpired):
		return (&api.Error{Code: api.LoginTimeout, Message: "the code expired before anybody entered it at " + l.Provider,
			Hint: l.Again()}).Because(err)
	}
	return l.Exchange(err)
}

// NotRegistered words an issuer that did not register a client (RFC 7591).
func (l Login) NotRegistered(err error) error {
	e := api.AsError(l.Exchange(err))
	return (&api.Error{
		Code:    e.Code,
		Message: fmt.Sprintf("%s did not register a client: %v", l.Provider, err),
		Hint:    "register a native (desktop) client at the provider by hand, then add --client-id ID",
	}).Because(err)
}

// WrongIDToken words an ID token that is not for this login.
func (l Login) WrongIDToken(err error) error {
	return (&api.Error{Code: api.LoginFailed, Message: "the provider's ID token is not for this login: " + api.Excerpt(err.Error()),
		Hint: "check issuer and client id, and this machine's clock"}).Because(err)
}

// OtherPerson words a login by somebody else than before; now is "" if the provider does not name them.
func (l Login) OtherPerson(before, now string) *api.Error {
	before, now = api.Excerpt(before), api.Excerpt(now)
	return &api.Error{
		Code: api.SubjectMismatch,
		Message: fmt.Sprintf("%s belongs to %s, and now %s logged in", l.Account, before,
			cmp.Or(now, "somebody whom the provider does not name")),
		Hint: fmt.Sprintf("oauthd login %s --force accepts the change; another account name keeps both", l.Account),
	}
}

// FileNotWritten words a login whose account file could not be written, and which was not kept for that reason.
func (l Login) FileNotWritten(file string, err error) *api.Error {
	return (&api.Error{
		Code:    api.ConfigInvalid,
		Message: file + " cannot be written, so the login was not kept",
		Hint:    "make that directory writable, then log in again",
	}).Because(err)
}

// FileMissing words an account whose credential is saved and whose file could not be written; text is what belongs into
// the file, nil if that is not known.
func (l Login) FileMissing(file string, text []byte, err error) *api.Error {
	e := &api.Error{Code: api.ConfigInvalid, Message: file + " cannot be written, but the credential is in the store",
		Hint: "make that directory writable, then write the file by hand"}
	if text != nil {
		e.Hint = "make that directory writable and write there: " +
			strings.Join(strings.Split(strings.TrimSpace(string(text)), "\n"), "; ")
	}
	return e.Because(err)
}

// NoRefreshToken warns of a login without a refresh token. why is what the provider's table says of it, offlineScope the
// scope that should have brought one; either may be "". expiry is that of the access token, zero if it has none.
func (l Login) NoRefreshToken(why, offlineScope string, expiry time.Time) string {
	switch {
	case why != "":
	case offlineScope != "":
		why = fmt.Sprintf("%s gave no refresh token although %s was asked for; the client may not be allowed to have one",
			l.Provider, offlineScope)
	default:
		why = fmt.Sprintf("%s gave no refresh token; some providers need a scope for it, or a setting of the client", l.Provider)
	}
	if expiry.IsZero() {
		return why + ". The access token is stored, and works until it is revoked"
	}
	return why + fmt.Sprintf(". The access token is stored until it expires at %s; then a new login is needed",
		expiry.Local().Format("15:04 on 2 January"))
}

// NoRedirectServer words a redirect server that cannot listen; anyPort is true if no port was asked for.
func NoRedirectServer(err error, anyPort bool) *api.Error {
	if !errors.Is(err, redirect.ErrPortUnavailable) {
		return (&api.Error{Code: api.LoginFailed, Message: "no redirect server can be started: " + api.Excerpt(err.Error())}).Because(err)
	}
	p := &api.Error{Code: api.PortUnavailable, Message: strings.TrimPrefix(err.Error(), "redirect: "),
		Hint: "end the program that listens there, or register another port: --redirect-uri http://127.0.0.1:PORT/callback"}
	if anyPort {
		p.Hint = "try again"
	}
	return p.Because(err)
}
