package book

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"net/url"
	"slices"

	"oauthd/daemon/account"
	"oauthd/daemon/provider"
	"oauthd/daemon/words"
)

// Resolve returns the provider of a, by table, configuration or discovery; fresh forbids a remembered document.
func (b *Book) Resolve(ctx context.Context, a account.Account, fresh bool) (provider.Provider, error) {
	p, err := b.KnownProvider(a)
	if err != nil {
		return provider.Provider{}, err
	}
	if p.Endpoints.Token != "" {
		return p, nil
	}
	found, err := b.discovered.get(ctx, p.Issuer, fresh)
	_, other := errors.AsType[*provider.IssuerMismatchError](err)
	if (other || errors.Is(err, provider.ErrNoDiscovery)) && a.Provider == "" && a.Resource != "" && p.Issuer == provider.Origin(a.Resource) {
		found, err = b.discovered.onOrigin(ctx, p.Issuer, fresh) // as when the account was made
	}
	if err != nil {
		return provider.Provider{}, err
	}
	return p.WithDiscovered(found), nil
}

// KnownProvider returns the provider of a as far as it is known without asking anybody.
func (b *Book) KnownProvider(a account.Account) (provider.Provider, error) {
	if !a.Grant.HasClient() {
		return MachineProvider(a), nil
	}
	if a.Provider == "" && a.Issuer == "" {
		return provider.FromEndpoints(a.Endpoints), nil
	}
	if a.Provider == "" {
		return provider.Provider{Name: ProviderName(a), Row: provider.Row{Issuer: a.Issuer, Endpoints: a.Endpoints}}, nil
	}
	p, ok := b.Provider(a.Provider)
	if !ok {
		return provider.Provider{}, b.UnknownProvider(a.Provider)
	}
	filled, err := p.ForTenant(a.Tenant)
	if err != nil {
		return provider.Provider{}, words.Tenant(a.Provider, p.TenantHint != "", err)
	}
	p = filled
	p.Endpoints.AuthMethod = cmp.Or(a.Endpoints.AuthMethod, p.Endpoints.AuthMethod)
	return p, nil
}

// MachineProvider gives tokens to grants that have no client: it is Google, with the quirks of its scopes. The key says
// where the requests go.
func MachineProvider(a account.Account) provider.Provider {
	p, _ := provider.Lookup("google")
	p.Issuer, p.Endpoints = "", account.Endpoints{Token: a.Endpoints.Token}
	return p
}

// ProviderName names a's provider for people: the name it has, else its host.
func ProviderName(a account.Account) string {
	switch {
	case !a.Grant.HasClient():
		return "google"
	case a.Provider != "":
		return a.Provider
	}
	u, err := url.Parse(cmp.Or(a.Issuer, a.Endpoints.Token))
	if err != nil {
		return ""
	}
	return u.Host
}

// Provider returns the provider of that name, built in or of config.toml.
func (b *Book) Provider(name string) (p provider.Provider, ok bool) {
	if p, ok := provider.Lookup(name); ok {
		return p, true
	}
	p, ok = b.current().Providers[name]
	return p, ok
}

// ProviderNames returns the names of all providers, built in or of config.toml, sorted.
func (b *Book) ProviderNames() []string {
	own := slices.Collect(maps.Keys(b.current().Providers))
	return slices.Sorted(slices.Values(append(own, provider.Names()...)))
}

// UnknownProvider is the error for a name that no provider has; it suggests what may have been meant.
func (b *Book) UnknownProvider(name string) error {
	return words.UnknownProvider(name, provider.Near(name, b.ProviderNames()))
}
