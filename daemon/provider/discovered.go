package provider

import (
	"cmp"
	"maps"
	"net/netip"

	"oauthd/daemon/account"
)

// WithDiscovered returns p, which a table or a person describes, filled up from found, which its issuer's discovery
// document describes. What p says wins: endpoints, authentication, rules and parameters. An empty parameter of p removes
// found's.
func (p Provider) WithDiscovered(found Provider) Provider {
	p.strangers = found.strangers.without(p.Row.named()...)
	p.Name, p.Issuer = cmp.Or(p.Name, found.Name), cmp.Or(p.Issuer, found.Issuer)
	p.Endpoints = account.Endpoints{
		Authorization: cmp.Or(p.Endpoints.Authorization, found.Endpoints.Authorization),
		Token:         cmp.Or(p.Endpoints.Token, found.Endpoints.Token),
		Device:        cmp.Or(p.Endpoints.Device, found.Endpoints.Device),
		Revocation:    cmp.Or(p.Endpoints.Revocation, found.Endpoints.Revocation),
		Userinfo:      cmp.Or(p.Endpoints.Userinfo, found.Endpoints.Userinfo),
		AuthMethod:    cmp.Or(p.Endpoints.AuthMethod, found.Endpoints.AuthMethod),
	}
	p.PushedAuthorizationEndpoint = cmp.Or(p.PushedAuthorizationEndpoint, found.PushedAuthorizationEndpoint)
	p.RequirePAR = p.RequirePAR || found.RequirePAR
	p.RegistrationEndpoint = cmp.Or(p.RegistrationEndpoint, found.RegistrationEndpoint)
	p.JWKSURI = cmp.Or(p.JWKSURI, found.JWKSURI)
	if p.IDTokenAlgorithms == nil {
		p.IDTokenAlgorithms = found.IDTokenAlgorithms
	}
	p.ResponseModes, p.AuthMethods, p.ScopesSupported = found.ResponseModes, found.AuthMethods, found.ScopesSupported
	p.ChallengeMethods, p.ClientIDMetadata = found.ChallengeMethods, found.ClientIDMetadata
	p.Supposed = found.Supposed
	p.RequireIss = p.RequireIss || found.RequireIss
	if p.DefaultScopes == nil {
		p.DefaultScopes = found.DefaultScopes
	}
	p.OfflineScope = cmp.Or(p.OfflineScope, found.OfflineScope)
	params := maps.Clone(found.AuthParams)
	if params == nil {
		params = map[string]string{}
	}
	maps.Copy(params, p.AuthParams)
	maps.DeleteFunc(params, func(_, value string) bool { return value == "" })
	p.AuthParams = params
	return p
}

// WithSaved returns p with the token endpoint that its issuer's document named at the login, for a time in which that
// document cannot be read. Requests to it are confined as those of [ConfineTo].
func (p Provider) WithSaved(tokenEndpoint string) Provider {
	p.Endpoints.Token = tokenEndpoint
	p.strangers = strangersIn(p.Issuer, netip.Addr{}, []string{tokenEndpoint})
	return p
}

// withDocument returns the table's row with the addresses and abilities of today's document instead of its own.
func (p Provider) withDocument(found Provider) Provider {
	p.Endpoints = account.Endpoints{AuthMethod: p.Endpoints.AuthMethod}
	p.PushedAuthorizationEndpoint, p.RegistrationEndpoint, p.JWKSURI = "", "", ""
	p.RequirePAR, p.RequireIss, p.IDTokenAlgorithms = false, false, nil
	return p.WithDiscovered(found)
}
