package daemon

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"oauthd/daemon/account"
	"oauthd/daemon/foreign"
	"oauthd/daemon/provider"
	"oauthd/ipc/api"
)

// place finds the provider. What the data says of it is believed where it is a built-in one's or this machine's, or
// where the request says so; a provider that the request names must be the data's.
func (t *takeover) place(ctx context.Context) error {
	d, f, r, a := t.d, t.found, t.request, &t.account
	if f.Kind == foreign.KindKey {
		return t.placeKey()
	}
	switch {
	case t.known, r.Provider != "", r.Issuer != "":
		if !t.known {
			a.Provider, a.Issuer = r.Provider, r.Issuer
			if r.Provider == f.Provider {
				a.Tenant = f.Tenant
			}
		}
	case f.Provider != "":
		a.Provider, a.Tenant = f.Provider, f.Tenant
	case f.Doubt != "" && !r.TrustEndpoint:
		return t.doubted("--trust-endpoint believes it; or name the --provider or --issuer yourself")
	case f.Issuer != "":
		if err := t.placeIssuer(ctx); err != nil {
			return err
		}
	case f.TokenURI != "":
		if err := t.placeEndpoint(ctx); err != nil {
			return err
		}
	default:
		return &api.Error{Code: api.BadRequest, Message: "nothing in the file says which provider it is of",
			Hint: "--provider NAME or --issuer URL says it"}
	}
	if a.Provider == "" && !t.known && !t.secret.IsZero() {
		a.Endpoints.AuthMethod = f.AuthMethod
	}
	p, err := d.resolve(ctx, *a, !t.known)
	if err != nil {
		return d.discoveryProblem(*a, err)
	}
	t.provider = p
	if p.Endpoints.Token == "" || t.foreignTo(p) {
		return &api.Error{
			Code:    api.ConfigInvalid,
			Message: fmt.Sprintf("the refresh token in the file is of another provider than %s, and goes only where it came from", p.Name),
			Hint:    "leave out --provider and --issuer, or name the one it is of",
		}
	}
	return nil
}

// doubted refuses a place that only the data vouches for.
func (t *takeover) doubted(hint string) error {
	return &api.Error{
		Code:    api.ConfigInvalid,
		Message: fmt.Sprintf("the file would have its login used at %q, which is no provider that oauthd knows", t.found.Doubt),
		Hint:    hint,
	}
}

// foreignTo reports whether the data says that it is of another provider than p.
func (t *takeover) foreignTo(p provider.Provider) bool {
	f := t.found
	switch {
	case f.Provider != "":
		builtIn, _ := provider.Lookup(f.Provider)
		own, err := builtIn.ForTenant(f.Tenant)
		if own.Endpoints.Token == "" { // it has to be discovered
			return err != nil || p.Issuer != own.Issuer
		}
		return err != nil || p.Endpoints.Token != own.Endpoints.Token
	case f.TokenURI != "":
		return f.TokenURI != p.Endpoints.Token
	case f.Issuer != "":
		return strings.TrimSuffix(f.Issuer, "/") != strings.TrimSuffix(p.Issuer, "/") && !p.IssuerMatches(f.Issuer, "")
	}
	return false
}

// placeIssuer takes the data's issuer. Tools differ in whether they keep a slash at its end.
func (t *takeover) placeIssuer(ctx context.Context) error {
	issuer := t.found.Issuer
	t.account.Issuer = issuer
	_, err := t.d.discovered.get(ctx, issuer, true)
	var other *provider.IssuerMismatchError
	if errors.As(err, &other) && strings.TrimSuffix(other.Got, "/") == strings.TrimSuffix(issuer, "/") {
		t.account.Issuer = other.Got
		return nil
	}
	if err != nil {
		return t.d.discoveryProblem(t.account, err)
	}
	return nil
}

// placeEndpoint takes the data's token endpoint. Where the issuer at its host has it as its own, the issuer's word on the
// other endpoints is known too.
func (t *takeover) placeEndpoint(ctx context.Context) error {
	f := t.found
	issuer := originOfURL(f.TokenURI)
	p, err := t.d.discovered.get(ctx, issuer, true)
	if _, passing := transient(err); passing {
		return t.d.discoveryProblem(account.Account{Issuer: issuer}, err)
	}
	switch {
	case err == nil && p.Endpoints.Token == f.TokenURI:
		t.account.Issuer = issuer
	case f.AuthURI != "":
		t.account.Endpoints = account.Endpoints{Authorization: f.AuthURI, Token: f.TokenURI}
	default:
		return &api.Error{
			Code:    api.ConfigInvalid,
			Message: fmt.Sprintf("the file has a token endpoint at %s alone, and no issuer there knows it", hostOf(f.TokenURI)),
			Hint:    "--issuer URL names its issuer; or put its endpoints under [providers.NAME] in config.toml and say --provider NAME",
		}
	}
	return nil
}
