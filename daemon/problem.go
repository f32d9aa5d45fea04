package daemon

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"oauthd/daemon/account"
	"oauthd/daemon/grant"
	"oauthd/daemon/provider"
	"oauthd/daemon/token"
	"oauthd/ipc/api"
	"oauthd/redirect"
)

// The files problem.go and storeproblem.go word every failure for callers: what happened, and what to do next.

// badRequest words a request that does not make sense.
func badRequest(hint, format string, args ...any) error {
	return &api.Error{Code: api.BadRequest, Message: fmt.Sprintf(format, args...), Hint: hint}
}

func configProblem(err error) *api.Error {
	return (&api.Error{
		Code:    api.ConfigInvalid,
		Message: err.Error(),
		Hint:    "correct the file; the daemon reads it again by itself",
	}).Because(err)
}

func (d *Daemon) loginRequired(a account.Account, why string) *api.Error {
	message := a.Name + " needs a login"
	if why != "" {
		message += ": " + why
	}
	return &api.Error{Code: api.LoginRequired, Message: message, Hint: "oauthd login " + a.Name}
}

// discoveryProblem words a failure to learn what the issuer is.
func (d *Daemon) discoveryProblem(a account.Account, err error) error {
	var told *api.Error
	if errors.As(err, &told) {
		return told
	}
	if after, ok := transient(err); ok {
		return (&api.Error{
			Code:       api.ProviderUnreachable,
			Message:    fmt.Sprintf("%s cannot be reached: %v", d.providerName(a), err),
			Hint:       "check the network and the issuer's URL, then try again",
			RetryAfter: seconds(after),
		}).Because(err)
	}
	hint := "check the issuer's URL; the provider's documentation names it"
	var other *provider.IssuerMismatchError
	if errors.As(err, &other) {
		hint = "use the issuer's URL exactly as its own document has it, or find out who answers there"
	}
	return (&api.Error{Code: api.ConfigInvalid, Message: err.Error(), Hint: hint}).Because(err)
}

// providerProblem words a failure on the way to a token.
func (d *Daemon) providerProblem(a account.Account, err error) error {
	var told *api.Error
	if errors.As(err, &told) {
		return told
	}
	var retryAfter time.Duration
	var waiting *token.BackoffError
	if errors.As(err, &waiting) {
		retryAfter = waiting.RetryAt.Sub(d.now())
	}
	name, kept := d.providerName(a), "the login is kept; "
	if !a.Grant.Interactive() {
		kept = ""
	}
	var refused *grant.ProviderError
	if errors.As(err, &refused) {
		switch refused.Kind {
		case grant.LoginRequired:
			return d.loginRequired(a, name+" has ended this login ("+said(refused)+")").Because(err)
		case grant.Transient:
			return (&api.Error{
				Code:       api.ProviderUnreachable,
				Message:    fmt.Sprintf("%s did not give a token: %s", name, said(refused)),
				Hint:       kept + "try again later",
				RetryAfter: max(seconds(retryAfter), seconds(refused.RetryAfter)),
			}).Because(err)
		case grant.Configuration:
			hint := "check the client's registration at the provider; oauthd login " + a.Name + " takes another client, " +
				"and token_endpoint_auth_method in its file another way to authenticate it"
			if !a.Grant.HasClient() {
				hint = "check that the key has not been deleted at " + name + ", and that it may have what was asked for"
			}
			return (&api.Error{
				Code:    api.ProviderRejected,
				Message: fmt.Sprintf("%s refused the request: %s", name, said(refused)),
				Hint:    hint,
			}).Because(err)
		default:
			return (&api.Error{
				Code:    api.ProviderRejected,
				Message: fmt.Sprintf("%s gave no usable answer: %s", name, said(refused)),
				Hint:    kept + "the daemon's log has the detail",
			}).Because(err)
		}
	}
	switch {
	case errors.Is(err, token.ErrNoIDToken):
		return (&api.Error{
			Code:    api.Unsupported,
			Message: fmt.Sprintf("%s gave no ID token", name),
			Hint:    "oauthd login " + a.Name + " --scope openid; some providers give one at the login alone",
		}).Because(err)
	case errors.Is(err, token.ErrBusy), errors.Is(err, token.ErrClosed):
		return (&api.Error{
			Code:    api.Busy,
			Message: "the daemon is stopping, or has too many requests of this account under way",
			Hint:    "try again",
		}).Because(err)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return (&api.Error{
			Code:       api.Timeout,
			Message:    fmt.Sprintf("%s did not answer in time", name),
			Hint:       kept + "try again later",
			RetryAfter: seconds(retryAfter),
		}).Because(err)
	}
	return err
}

// exchangeProblem words a failed exchange of the code.
func (t *attempt) exchangeProblem(err error) error {
	name := t.provider.Name
	var refused *grant.ProviderError
	if !errors.As(err, &refused) {
		return (&api.Error{Code: api.LoginFailed, Message: name + " did not give a token for the login", Hint: t.again()}).Because(err)
	}
	p := &api.Error{Code: api.LoginFailed, Message: fmt.Sprintf("%s did not give a token for the login: %s", name, said(refused)), Hint: t.again()}
	switch refused.Kind {
	case grant.Transient:
		p.Code = api.ProviderUnreachable
	case grant.Configuration:
		p.Code, p.Hint = api.ProviderRejected, "check client id, client secret and redirect URI against the registration at the provider"
	}
	return p.Because(err)
}

// responseProblem words what ended the wait for the browser.
func (t *attempt) responseProblem(err error) error {
	name := t.provider.Name
	var refused *redirect.AuthorizationError
	if !errors.As(err, &refused) {
		p := &api.Error{Code: api.LoginFailed, Message: "the answer of " + name + " cannot be used", Hint: t.again()}
		if errors.Is(err, redirect.ErrIssuerMismatch) {
			p.Message = "the answer names another issuer than " + t.provider.Issuer + ", so it was not used"
			p.Hint = "check which provider the browser showed before trying again"
		}
		return p.Because(err)
	}
	detail := refused.Code
	if refused.Description != "" {
		detail += ": " + refused.Description
	}
	p := &api.Error{Code: api.LoginFailed, Message: fmt.Sprintf("%s refused the login (%s)", name, detail), Hint: t.again()}
	switch refused.Code {
	case "access_denied":
		p.Code, p.Message = api.LoginDenied, fmt.Sprintf("the login was denied at %s (%s)", name, detail)
	case "temporarily_unavailable", "server_error":
		p.Code = api.ProviderUnreachable
	case "invalid_scope":
		p.Hint = "check the names of the scopes: " + strings.Join(t.scopes, " ")
	case "unauthorized_client", "invalid_request", "unsupported_response_type":
		p.Code, p.Hint = api.ProviderRejected, "check the client's registration at the provider"
	}
	return p.Because(err)
}

// again tells how to log in once more. An account that is new is not kept by a failed login, so its name alone says too
// little.
func (t *attempt) again() string {
	if t.account.File == "" {
		return "the same command starts it again"
	}
	return "oauthd login " + t.account.Name + " starts it again"
}

// cause returns why ctx ended, where that is what made err.
func (t *attempt) cause(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	var told *api.Error
	if cause := context.Cause(ctx); errors.As(cause, &told) {
		return told
	}
	return (&api.Error{Code: api.LoginFailed, Message: "the login was cancelled", Hint: t.again()}).Because(err)
}

func redirectProblem(err error, rule redirect.Config) error {
	if !errors.Is(err, redirect.ErrPortUnavailable) {
		return (&api.Error{Code: api.LoginFailed, Message: "no redirect server can be started: " + err.Error()}).Because(err)
	}
	p := &api.Error{Code: api.PortUnavailable, Message: strings.TrimPrefix(err.Error(), "redirect: "),
		Hint: "end the program that listens there, or register another port: --redirect-uri http://127.0.0.1:PORT/callback"}
	if len(rule.Ports) == 0 {
		p.Hint = "try again"
	}
	return p.Because(err)
}

// said words what the provider answered; descriptions are filtered by daemon/grant.
func said(e *grant.ProviderError) string {
	switch {
	case e.Code != "" && e.Description != "":
		return e.Code + ": " + e.Description
	case e.Code != "":
		return e.Code
	}
	return e.Error()
}

func transient(err error) (time.Duration, bool) {
	var t interface {
		Transient() (retryAfter time.Duration, ok bool)
	}
	if errors.As(err, &t) {
		return t.Transient()
	}
	return 0, false
}

func seconds(d time.Duration) int {
	if d <= 0 {
		return 0
	}
	return int(math.Ceil(d.Seconds()))
}
