package main

import (
	"cmp"
	"errors"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"oauthd/cmd/oauthd/ask"
	"oauthd/cmd/oauthd/screen"
	"oauthd/ipc/api"
)

func (w *wizard) askProvider() error {
	all, err := w.client.Providers(w.ctx)
	if err != nil {
		return err
	}
	shown, names := wellKnown(all)
	where, err := w.Ask(ask.Question{
		Text: "Provider, or an issuer's URL", Suggested: "google", Choices: shown, Names: names, Other: true,
		Explain: "Who has the account: a number or a name, or the URL of any other OpenID Connect issuer (Keycloak, a company's " +
			"own). oauthd providers NAME shows what each needs. Known by name: " + strings.Join(names, ", ") + ".",
		Check: func(s string) (err error) {
			if strings.Contains(s, "://") {
				return checkIssuer(s)
			}
			w.p, err = w.client.Provider(w.ctx, s)
			return err
		},
	})
	switch {
	case err != nil:
		return err
	case strings.Contains(where, "://"):
		w.p = api.Provider{ProviderRow: api.ProviderRow{DefaultScopes: []string{"openid", "email"}}}
		w.def.Issuer = where
		w.says("--issuer", where)
		w.row("issuer", where)
	default:
		w.def.Provider = where
		w.says("--provider", where)
		w.row("provider", cmp.Or(w.p.Title, where))
	}
	return nil
}

// wellKnown returns the providers to show, which are the person's own and those that most people have, and all names.
func wellKnown(all []api.Provider) (shown []ask.Choice, names []string) {
	popular := []string{"google", "microsoft", "github", "gitlab", "slack", "dropbox", "fastmail", "yahoo", "atlassian", "zoom", "okta", "auth0"}
	for _, p := range all {
		names = append(names, p.Name)
		if !p.BuiltIn {
			shown = append(shown, ask.Choice{Name: p.Name})
		}
	}
	for _, name := range popular {
		if slices.Contains(names, name) {
			shown = append(shown, ask.Choice{Name: name})
		}
	}
	return shown, names
}

// askPlace asks for what a provider's URLs depend on, and says what to register there.
func (w *wizard) askPlace() (err error) {
	def, p := w.def, w.p
	if p.TenantHint != "" {
		screen.Say(w.std.err, "  A tenant is %s.\n", p.TenantHint)
		def.Tenant, err = w.Ask(ask.Question{Text: "Tenant", Suggested: p.Tenant, Check: required("this provider needs a tenant"),
			Explain: "The part of the provider's URLs that differs from customer to customer: " + p.TenantHint + "."})
		if err != nil {
			return err
		}
		w.row("tenant", def.Tenant)
		if def.Tenant == p.Tenant {
			def.Tenant = ""
		} else {
			w.says("--tenant", def.Tenant)
		}
	}
	switch {
	case p.RedirectPort == api.RedirectPortFixed:
		def.RedirectURI, err = w.Ask(ask.Question{
			Text: "Redirect URI, as registered", Suggested: p.RedirectURI, Check: required("this provider needs one"),
			Explain: "Where the browser comes back to: an address of this machine, with a port of your choice. It must be " +
				"registered at the provider exactly as you type it here.",
		})
		w.says("--redirect-uri", def.RedirectURI)
		w.row("redirect URI", def.RedirectURI)
	case p.Name != "" && p.Name != "google":
		screen.Say(w.std.err, "  The redirect URI to register there is %s\n", p.RedirectURI)
		w.row("redirect URI", p.RedirectURI)
	}
	return err
}

// required refuses an empty answer.
func required(why string) func(string) error {
	return func(s string) error {
		if s == "" {
			return errors.New(why)
		}
		return nil
	}
}

// checkIssuer refuses what the daemon would refuse later, when nobody can be asked again (RFC 8414 §2).
func checkIssuer(s string) error {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" {
		return errors.New("an issuer's URL begins with https://")
	}
	ip, _ := netip.ParseAddr(u.Hostname())
	switch {
	case u.Hostname() == "":
		return errors.New("the issuer's URL names no host")
	case u.Scheme == "http" && u.Hostname() != "localhost" && !ip.IsLoopback():
		return errors.New("an issuer's URL begins with https://; http:// is for this machine alone")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return errors.New("an issuer's URL has no user, query or fragment")
	}
	return nil
}
