package takeover

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"oauthd/daemon/account"
	"oauthd/daemon/book"
	"oauthd/daemon/foreign"
	"oauthd/daemon/provider"
	"oauthd/daemon/words"
	"oauthd/ipc/api"
)

// place finds the provider. What the data says of it is believed where it is a built-in one's or this machine's, or
// where the request says so; a provider that the request names must be the data's.
func (t *takeover) place(ctx context.Context) error {
	f, r, a := t.found, t.request, &t.out.Account
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
		return t.doubted("--trust-endpoint accepts it; or name the --provider or --issuer yourself")
	case f.Issuer != "":
		if err := t.placeIssuer(ctx); err != nil {
			return err
		}
	case f.TokenURI != "":
		if err := t.placeEndpoint(ctx); err != nil {
			return err
		}
	default:
		return &api.Error{Code: api.BadRequest, Message: "the file does not name its provider",
			Hint: "pass --provider NAME or --issuer URL"}
	}
	if a.Provider == "" && !t.known && !t.secret.IsZero() {
		a.Endpoints.AuthMethod = f.AuthMethod
	}
	p, err := t.book.Resolve(ctx, *a, !t.known)
	if err != nil {
		return words.Discovery(book.ProviderName(*a), err)
	}
	t.out.Provider = p
	if p.Endpoints.Token == "" || t.foreignTo(p) {
		return &api.Error{
			Code:    api.ConfigInvalid,
			Message: fmt.Sprintf("the refresh token in the file does not come from %s, and goes only where it came from", p.Name),
			Hint:    "leave out --provider and --issuer, or name the provider that it comes from",
		}
	}
	return nil
}

// doubted refuses a place that only the data vouches for.
func (t *takeover) doubted(hint string) error {
	return words.Doubted(t.found.Doubt, hint)
}

// foreignTo reports whether the data says that it belongs to another provider than p.
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
	t.out.Account.Issuer = issuer
	_, err := t.book.Discover(ctx, issuer)
	var other *provider.IssuerMismatchError
	if errors.As(err, &other) && strings.TrimSuffix(other.Got, "/") == strings.TrimSuffix(issuer, "/") {
		t.out.Account.Issuer = other.Got
		return nil
	}
	if err != nil {
		return words.Discovery(book.ProviderName(t.out.Account), err)
	}
	return nil
}

// placeEndpoint takes the data's token endpoint. If the issuer at its host has it as its own, the issuer's word on the
// other endpoints is known too.
func (t *takeover) placeEndpoint(ctx context.Context) error {
	f := t.found
	issuer := originOfURL(f.TokenURI)
	p, err := t.book.Discover(ctx, issuer)
	if _, passing := words.Transient(err); passing {
		return words.Discovery(hostOf(issuer), err)
	}
	switch {
	case err == nil && p.Endpoints.Token == f.TokenURI:
		t.out.Account.Issuer = issuer
	case f.AuthURI != "":
		t.out.Account.Endpoints = account.Endpoints{Authorization: f.AuthURI, Token: f.TokenURI}
	default:
		return &api.Error{
			Code:    api.ConfigInvalid,
			Message: fmt.Sprintf("the file names only a token endpoint at %s, and no issuer there knows it", hostOf(f.TokenURI)),
			Hint:    "pass --issuer URL, or put its endpoints under [providers.NAME] in config.toml and pass --provider NAME",
		}
	}
	return nil
}

// hostOf returns the host of a URL, "" for none.
func hostOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	return u.Host
}

// originOfURL returns scheme and host of a URL.
func originOfURL(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}
