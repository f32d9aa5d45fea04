package daemon

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"oauthd/daemon/provider"
	"oauthd/ipc/api"
)

// Providers tells about every provider that has a name, by name: the built-in ones and those of config.toml.
func (d *Daemon) Providers(ctx context.Context) ([]api.Provider, error) {
	d.book.Reread(ctx)
	var all []api.Provider
	for _, name := range d.book.ProviderNames() {
		if p, builtIn, ok := d.book.Provider(name); ok {
			all = append(all, describeProvider(p, builtIn))
		}
	}
	return all, nil
}

// Provider tells about one provider. The error for an unknown name suggests what it may have been meant for.
func (d *Daemon) Provider(ctx context.Context, name string) (api.Provider, error) {
	d.book.Reread(ctx)
	if p, builtIn, ok := d.book.Provider(name); ok {
		return describeProvider(p, builtIn), nil
	}
	return api.Provider{}, d.book.UnknownProvider(name)
}

// describeProvider shapes p for a caller. It copies what a caller may not share with the configuration.
func describeProvider(p provider.Provider, builtIn bool) api.Provider {
	out := api.Provider{
		Name: p.Name, Title: p.Title, Note: p.Note, BuiltIn: builtIn, Tenant: p.Tenant, TenantHint: p.TenantHint,
		Issuer:                  cmp.Or(p.Issuer, p.IssuerTemplate),
		Discovered:              p.Endpoints.Token == "",
		AuthorizationEndpoint:   p.Endpoints.Authorization,
		TokenEndpoint:           p.Endpoints.Token,
		DeviceEndpoint:          p.Endpoints.Device,
		RevocationEndpoint:      p.Endpoints.Revocation,
		UserinfoEndpoint:        p.Endpoints.Userinfo,
		PushedEndpoint:          p.PushedAuthorizationEndpoint,
		RegistrationEndpoint:    p.RegistrationEndpoint,
		JWKSURI:                 p.JWKSURI,
		TokenEndpointAuthMethod: p.Endpoints.AuthMethod,
		ClientSecretRequired:    p.ClientSecretRequired,
		DefaultScopes:           list(slices.Clone(p.DefaultScopes)),
		OfflineScope:            p.OfflineScope,
		AuthParams:              maps.Clone(p.AuthParams),
		RedirectURI:             p.Redirect.URI(),
		RedirectPort:            string(p.Redirect.Port),
		Rotation:                string(p.Rotation),
		NoRefresh:               p.NoRefreshToken,
		IdleLimit:               int64(p.IdleLimit / time.Second),
		RefreshKillsAccessToken: p.RefreshKillsAccessToken,
		RedirectURIAtRefresh:    p.RedirectURIAtRefresh,
		Narrowing:               cmp.Or(string(p.Narrowing), "none"),
		OneResourcePerToken:     p.OneResourcePerToken,
		ScopeParameter:          p.ScopeParameter,
		RequestScopeSeparator:   p.RequestScopeSeparator,
		ScopeSeparator:          p.ScopeSeparator,
		ScopeAliases:            maps.Clone(p.ScopeAliases),
		ScopeParents:            maps.Clone(p.ScopeParents),
		TokenMember:             p.TokenMember,
		ErrorsIn200:             p.ErrorsIn200,
	}
	if p.Endpoints.Revocation != "" {
		out.RevocationForm = cmp.Or(string(p.RevocationForm), "rfc7009")
	}
	return out
}
