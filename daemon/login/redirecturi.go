package login

import (
	"cmp"
	"fmt"
	"net/url"
	"strconv"

	"oauthd/daemon/account"
	"oauthd/daemon/provider"
	"oauthd/ipc/api"
	"oauthd/redirect"
)

// checkRedirect refuses a login at a provider that compares the port of the redirect URI where no port is set: the
// provider would refuse it too, but only in the browser.
func checkRedirect(a account.Account, p provider.Provider) error {
	rule, _ := redirectRule(a, p)
	if p.RedirectPort != api.RedirectPortFixed || len(rule.Ports) > 0 {
		return nil
	}
	return &api.Error{
		Code:    api.BadRequest,
		Message: fmt.Sprintf("%s also compares the port of the redirect URI, and this login has none", p.Name),
		Hint: fmt.Sprintf("register %s at %s (the port is yours to choose), then add --redirect-uri %s",
			p.RedirectURI(), p.Name, p.RedirectURI()),
	}
}

// redirectRule says where the redirect server listens for a login of a: the account's own redirect URI, else the
// provider's rule. fixed is the redirect URI to send when it was given with its port, to the letter, because providers
// compare it so; "" means the one that the server picks.
func redirectRule(a account.Account, p provider.Provider) (rule redirect.Config, fixed string) {
	rule.Ports = a.RedirectPorts
	if a.RedirectURI == "" {
		rule.Host, rule.Path = p.RedirectHost, p.RedirectPath
		return rule, ""
	}
	u, err := url.Parse(a.RedirectURI) // was checked when it came in
	if err != nil {
		return rule, ""
	}
	rule.Host, rule.Path, rule.HTTPS = u.Hostname(), cmp.Or(u.Path, "/"), u.Scheme == "https"
	if rule.Host == "::1" {
		rule.Host = "[::1]"
	}
	if port, err := strconv.Atoi(u.Port()); err == nil {
		rule.Ports, fixed = []int{port}, a.RedirectURI
	}
	return rule, fixed
}

// registration returns what the client must be registered with for a login that sends redirectURI; nil if the issuer has
// registered the client itself.
func (t *attempt) registration(redirectURI string) *api.Registration {
	if t.client != clientConfigured {
		return nil
	}
	p := t.Provider
	if rule, _ := redirectRule(t.Account, p); len(rule.Ports) == 0 {
		redirectURI = t.redirectURIs()[0]
	}
	return &api.Registration{
		Provider: p.Name, ClientID: t.Auth.ID, RedirectURI: redirectURI,
		URL: p.RegistrationURL, DocsURL: p.DocsURL, Steps: p.Steps(redirectURI),
	}
}
