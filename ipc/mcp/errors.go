package mcp

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"oauthd/ipc/api"
)

// Codes of a challenge (RFC 6750 §3.1, RFC 9470 §3).
const (
	insufficientScope = "insufficient_scope"
	insufficientLogin = "insufficient_user_authentication"
)

// transient reports whether a message that was not sent may be sent a little later.
func transient(err error) bool {
	var e *api.Error
	if errors.As(err, &e) {
		return e.Code == api.ProviderUnreachable || e.Code == api.Timeout || e.Code == api.Busy
	}
	var certificate *tls.CertificateVerificationError
	return !errors.As(err, &certificate)
}

// worded is err as a person and a program may read it.
func (c *conversation) worded(err error) *api.Error {
	var e *api.Error
	if errors.As(err, &e) {
		return e
	}
	var a *answer
	var u *url.Error
	switch {
	case errors.As(err, &a):
		return c.wordedAnswer(a.resp)
	case errors.Is(err, errSessionEnded):
		return &api.Error{Code: api.ProviderRejected, Message: "the MCP server has ended the session", Hint: "connect to the server again"}
	case errors.Is(err, errTooLong):
		return unexpected(fmt.Sprintf("a message of the server is longer than %d MiB", maxMessage>>20))
	case errors.As(err, &u):
		err = u.Err
	}
	return (&api.Error{Code: api.ProviderUnreachable, Message: "the MCP server cannot be reached: " + api.Excerpt(err.Error()),
		Hint: "check the network and the URL, and try again"}).Because(err)
}

// wordedAnswer words an answer of the server that is none to the message.
func (c *conversation) wordedAnswer(resp *http.Response) *api.Error {
	status := api.Excerpt(resp.Status)
	switch {
	case resp.StatusCode == http.StatusUnauthorized && challenge(resp.Header, "error") == insufficientLogin:
		return &api.Error{Code: api.LoginRequired, Message: "the MCP server wants a newer or stronger login of " + c.Account, Hint: "oauthd login " + c.Account}
	case resp.StatusCode == http.StatusUnauthorized:
		return &api.Error{Code: api.LoginRequired, Message: "the MCP server refuses the token of " + c.Account, Hint: "oauthd login " + c.Account}
	case resp.StatusCode == http.StatusForbidden && challenge(resp.Header, "error") == insufficientScope:
		return c.insufficient(challenge(resp.Header, "scope"))
	case resp.StatusCode < http.StatusBadRequest:
		return unexpected("the MCP server redirects, and no token goes after that (" + status + ")")
	case resp.StatusCode >= http.StatusInternalServerError:
		return &api.Error{Code: api.ProviderUnreachable, Message: "the MCP server is in trouble: " + status, Hint: "try again later"}
	}
	return unexpected("the MCP server answers " + status)
}

// insufficient words a request that the token's scopes do not allow.
func (c *conversation) insufficient(scopes string) *api.Error {
	e := &api.Error{Code: api.ScopeNotGranted, Message: "the MCP server wants more scopes than " + c.Account + " was granted",
		Hint: "oauthd login " + c.Account + " --scope S, with the scopes that the server names in its documentation"}
	if scopes == "" {
		return e
	}
	e.Message += ": " + api.Excerpt(scopes)
	plain := regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:/-]*$`)
	login := "oauthd login " + c.Account
	for scope := range strings.FieldsSeq(scopes) {
		if !plain.MatchString(scope) {
			return e // a shell might do something else with it
		}
		login += " --scope " + scope
	}
	e.Hint = login
	return e
}

// challenge returns a parameter of the WWW-Authenticate header's Bearer challenge (RFC 6750 §3), or "".
func challenge(h http.Header, name string) string {
	parameter := regexp.MustCompile(`(?i)(?:^bearer\s+|,\s*|\s)` + name + `\s*=\s*(?:"([^"]*)"|([^\s",]+))`)
	for _, value := range h.Values("WWW-Authenticate") {
		if found := parameter.FindStringSubmatch(value); found != nil {
			return found[1] + found[2]
		}
	}
	return ""
}

func unexpected(message string) *api.Error {
	return &api.Error{Code: api.ProviderRejected, Message: message, Hint: "check that the URL is the server's MCP endpoint"}
}
