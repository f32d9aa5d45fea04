// Package provider knows authorization servers: the built-in table, discovery by issuer, and Google's client_secrets
// files. It speaks to none of them but for discovery.
package provider

import (
	"cmp"
	"time"

	"oauthd/daemon/account"
)

// AuthMethod is a token_endpoint_auth_method (RFC 7591 §2). It is pinned per account and never probed.
type AuthMethod string

// The methods oauthd speaks.
const (
	AuthNone  AuthMethod = "none"
	AuthBasic AuthMethod = "client_secret_basic"
	AuthPost  AuthMethod = "client_secret_post"
	// AuthPrivateKeyJWT signs an assertion with the client's private key (RFC 7523 §2.2).
	AuthPrivateKeyJWT AuthMethod = "private_key_jwt"
)

// Narrowing tells how a provider gives a token of fewer scopes than were granted.
type Narrowing string

// The ways of narrowing. The zero value means that the provider cannot, or not without harm.
const (
	NarrowNone    Narrowing = ""
	NarrowRefresh Narrowing = "refresh" // a scope parameter in the refresh request (RFC 6749 §6)
)

// Rotation tells what becomes of a refresh token that is used. The zero value means that it is not known.
type Rotation string

// The ways of rotation.
const (
	RotationStatic   Rotation = "static"   // it stays as it is
	RotationRotating Rotation = "rotating" // each use brings a new one that replaces it
	RotationNone     Rotation = "none"     // there are no refresh tokens
)

// RevocationForm tells how a token is revoked.
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

// TakesAccessToken reports whether an access token is revoked, and with it the grant; elsewhere it is the refresh token.
func (f RevocationForm) TakesAccessToken() bool { return f != RevokeRFC7009 }

// Provider is an authorization server as one login or refresh needs it. It is a value: copy it, then change the copy.
type Provider struct {
	// Name is the table's or config.toml's name; for others the issuer's host.
	Name string
	// Title is the name for people; "" where it is Name. Note is a sentence on what else they should know; "" for none.
	Title string
	Note  string
	// Tenant is what stands in the URLs in the place of {tenant}; "" where they have no such place, or nothing stands there
	// yet. TenantHint tells people what to give; "" where they need not. See [Provider.ForTenant].
	Tenant     string
	TenantHint string
	// Issuer is compared with iss and with the record; "" where the provider has none, or one per tenant.
	Issuer string
	// IssuerTemplate is the issuer of a provider that has one per tenant, with {tenantid} in the tenant's place; ""
	// elsewhere. See [Provider.IssuerMatches].
	IssuerTemplate string
	// IssuerAliases are other spellings of Issuer that the provider's own ID tokens use.
	IssuerAliases []string
	Endpoints     account.Endpoints
	// PushedAuthorizationEndpoint takes authorization requests (RFC 9126 §2); "" where the server has none. RequirePAR is
	// true where it takes them in no other way (§5).
	PushedAuthorizationEndpoint string
	RequirePAR                  bool
	// RegistrationEndpoint registers clients (RFC 7591 §3); "" where the server has none.
	RegistrationEndpoint string
	// JWKSURI is where the keys are that sign ID tokens; "" where that is not known.
	JWKSURI string

	// IDTokenAlgorithms are the asymmetric ones among id_token_signing_alg_values_supported; nil when the server does
	// not say, empty when it has none.
	IDTokenAlgorithms []string
	// ResponseModes are those of response_modes_supported that a redirect server can receive, "query" and "form_post";
	// nil when the server does not say.
	ResponseModes []string
	// AuthMethods are those the server advertises (RFC 8414); nil when it does not say.
	AuthMethods []string
	// ScopesSupported is scopes_supported of the discovery document; nil when it does not say.
	ScopesSupported []string
	// DefaultScopes are asked for when the person names none.
	DefaultScopes []string
	// AuthParams are extra parameters of the authorization request; the account's own win over them.
	AuthParams map[string]string
	// MoreScopesParams are added when a login asks for more scopes than one before, so that what was granted stays.
	MoreScopesParams map[string]string
	// RequireIss is authorization_response_iss_parameter_supported (RFC 9207 §3).
	RequireIss bool

	// Redirect is the rule for redirect URIs.
	Redirect Redirect

	Narrowing Narrowing
	// OneResourcePerToken is true where an access token is for one resource, which its scopes name: a grant of several
	// gives each in a token of its own. See [Provider.OneResource].
	OneResourcePerToken bool
	// IdleLimit is how long the provider keeps a refresh token that is not used; 0 means for ever, or not known.
	IdleLimit time.Duration
	// RefreshKillsAccessToken is true where a refresh ends the access token already handed out.
	RefreshKillsAccessToken bool
	// Rotation is what becomes of a refresh token that is used.
	Rotation Rotation
	// RedirectURIAtRefresh is true where a refresh request repeats the redirect URI of the login.
	RedirectURIAtRefresh bool
	// ClientSecretRequired is true where a client without a secret gets no token through the redirect.
	ClientSecretRequired bool
	// NoNonce is true where ID tokens lack the nonce of the authorization request, against OpenID Connect Core 1.0 §2, so
	// that none is sent.
	NoNonce bool
	// ErrorsIn200 is true where errors come with the status of a success. They are understood everywhere.
	ErrorsIn200 bool
	// LoginEndedErrors are the error codes by which a refresh is refused for good, next to those that mean it everywhere.
	LoginEndedErrors []string
	// TokenMember names the member of the token response that holds the token; "" where that is the response itself.
	TokenMember string
	// TokenType is what the token response says in the place of Bearer; "" where it says that.
	TokenType string
	// RevocationForm is how the revocation endpoint is used.
	RevocationForm RevocationForm

	// ScopeParameter is the parameter of the authorization request that holds the scopes; "" means "scope".
	ScopeParameter string
	// RequestScopeSeparator stands between scopes in the authorization request, ScopeSeparator in the token response; ""
	// means a space.
	RequestScopeSeparator string
	ScopeSeparator        string
	// ScopeAliases maps a scope to the name the provider answers with.
	ScopeAliases map[string]string
	// ScopeParents maps a scope to the wider one that includes it and is answered in its place.
	ScopeParents map[string]string
	// ScopePrefix stands, in answers, before a scope that was asked for without a resource; "" where scopes are opaque.
	ScopePrefix string
	// ScopesFoldCase is true where scopes are answered in another case than they were asked for.
	ScopesFoldCase bool
	// ScopesNotEchoed are granted without ever being named in a response.
	ScopesNotEchoed []string
	// OfflineScope asks for a refresh token; "" where none is needed.
	OfflineScope string
	// NoRefreshToken says why this provider gives no refresh token, as one sentence; "" where it should.
	NoRefreshToken string
	// SubjectClaim and EmailClaim are the names in the userinfo answer; "" means "sub" and "email".
	SubjectClaim string
	EmailClaim   string

	// row is what the provider was made of, with {tenant} in it; nil for one that no table names. It is never changed.
	row *Row
}

// Redirect is a provider's rule for loopback redirect URIs. The zero value is http://127.0.0.1:PORT/callback with a
// free port (RFC 8252 §7.3).
type Redirect struct {
	// Host is "127.0.0.1", "[::1]" or "localhost"; "" means "127.0.0.1". "localhost" listens on both families.
	Host string
	// Path is compared by providers; "" means "/callback".
	Path string
	// Port tells whether the port is compared too.
	Port PortRule
}

// PortRule tells how a provider compares the port of a loopback redirect URI. The zero value means that this is not
// known; a free port is then used, as RFC 8252 §7.3 has it.
type PortRule string

// The port rules.
const (
	PortAny   PortRule = "any"   // any port will do
	PortFixed PortRule = "fixed" // it must be the registered one
)

// URI is the redirect URI to register. A free port is left out; a fixed one is a suggestion.
func (r Redirect) URI() string {
	host, path := cmp.Or(r.Host, "127.0.0.1"), cmp.Or(r.Path, "/callback")
	if r.Port == PortFixed {
		host += ":8400"
	}
	return "http://" + host + path
}
