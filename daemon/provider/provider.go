// Package provider knows authorization servers: the built-in table, discovery by issuer, and Google's client_secrets
// files. It contacts none of them but for discovery.
package provider

import (
	"cmp"

	"oauthd/daemon/account"
	"oauthd/ipc/api"
)

// The values of Narrowing in a [Row]. The zero value means that it is not known.
const (
	NarrowNone    = "none"    // not at all, or not without harm
	NarrowRefresh = "refresh" // by a scope parameter in the refresh request (RFC 6749 §6)
	// NarrowExchange is by a token exchange (RFC 8693), as token_exchange in an account's file says it of one account.
	NarrowExchange = "exchange"
)

// The values of Rotation in a [Row]. The zero value means that it is not known.
const (
	RotationStatic   = "static"   // the refresh token stays as it is
	RotationRotating = "rotating" // each use brings a new one that replaces it
	RotationNone     = "none"     // there are no refresh tokens
)

// RevocationForm says how a token is revoked.
type RevocationForm string

// The forms of revocation. The zero value is RFC 7009's.
const (
	RevokeRFC7009 RevocationForm = ""
	// RevokeGitHub deletes the grant of an access token: DELETE /{client_id}/grant below the revocation endpoint.
	RevokeGitHub RevocationForm = "github"
	// RevokeBearer posts nothing but the access token that is to end, as the request's own authorization.
	RevokeBearer RevocationForm = "bearer"
	// RevokeBearerForm is RevokeBearer with the access token as the parameter token too.
	RevokeBearerForm RevocationForm = "bearer_form"
)

// rfc7009 is what RevokeRFC7009 is called outside.
const rfc7009 = "rfc7009"

// TakesAccessToken reports whether it is an access token that is revoked, and with it the grant, not the refresh token.
func (f RevocationForm) TakesAccessToken() bool { return f != RevokeRFC7009 }

// Provider is an authorization server as one login or refresh needs it. It is a value: copy it, then change the copy.
type Provider struct {
	// Name is the table's or config.toml's name; for others the issuer's host.
	Name string
	// BuiltIn is true if the built-in table describes the provider.
	BuiltIn bool
	// Row describes it, with the tenant in its URLs.
	Row

	// ResponseModes are those of response_modes_supported that a redirect server can receive, "query" and "form_post";
	// nil if the server does not say.
	ResponseModes []string
	// AuthMethods are those the server advertises (RFC 8414 §2); nil if it does not say.
	AuthMethods []string
	// ChallengeMethods is code_challenge_methods_supported of the discovery document (RFC 8414 §2); nil if it does not say.
	ChallengeMethods []string
	// ClientIDMetadata is client_id_metadata_document_supported of the discovery document: a client's id may be the URL of its
	// metadata.
	ClientIDMetadata bool
	// Supposed is true if nothing says where the endpoints are; see [DiscoverOrigin].
	Supposed bool
	// ScopesSupported is scopes_supported of the discovery document; nil if it does not say.
	ScopesSupported []string

	// strangers are the hosts that only a discovery document names, see [Provider.Confine].
	strangers strangers
	// entry is the row that Row was made of, with {tenant} in it; nil if no table has one. It never changes.
	entry *Row
}

// FromEndpoints returns a provider of which only the endpoints are known. If they are on this machine, as in a client_secrets
// file for a stand-in for Google, it gets Google's parameters.
func FromEndpoints(e account.Endpoints) Provider {
	p := Provider{Row: Row{Endpoints: e}}
	if token, err := parseURL(e.Token); err == nil {
		p.Name = token.Host
		if isLoopback(token.Hostname()) {
			p.AuthParams = google().AuthParams
		}
	}
	return p
}

// Describe returns what callers may know of p. It shares nothing with p that they may change.
func (p Provider) Describe() api.Provider {
	row := api.ProviderRow(*p.Row.clone())
	row.Issuer = cmp.Or(p.Issuer, p.IssuerTemplate)
	if row.DefaultScopes == nil {
		row.DefaultScopes = []string{}
	}
	row.RegistrationSteps = p.Steps(p.RedirectURI())
	row.Narrowing = cmp.Or(p.Narrowing, api.NarrowingUnknown)
	row.RevocationForm = ""
	if p.Endpoints.Revocation != "" {
		row.RevocationForm = cmp.Or(p.RevocationForm, rfc7009)
	}
	return api.Provider{
		Name: p.Name, BuiltIn: p.BuiltIn, Discovered: p.Endpoints.Token == "", RedirectURI: p.RedirectURI(), ProviderRow: row,
	}
}
