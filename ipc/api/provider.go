package api

// The ways that a provider compares the port of a redirect URI, as far as that is known.
const (
	// RedirectPortAny: any port will do, and the redirect URI is registered without one (RFC 8252 §7.3).
	RedirectPortAny = "any"
	// RedirectPortFixed: the redirect URI is registered with its port.
	RedirectPortFixed = "fixed"
)

// NarrowingUnknown is the narrowing of a provider that nobody has described: it is found out at the first refresh that
// asks for fewer scopes.
const NarrowingUnknown = "unknown"

// Provider is what is known of an authorization server by name.
type Provider struct {
	Name string `json:"name"`
	// BuiltIn is false for a provider of the person's own config.toml.
	BuiltIn bool `json:"built_in"`
	// Discovered is true if the issuer's discovery document is read at a login, because no endpoints are known.
	Discovered bool `json:"discovered"`
	// RedirectURI is what to register at the provider. If RedirectPort is [RedirectPortFixed], its port is a suggestion.
	RedirectURI string `json:"redirect_uri"`

	// ProviderRow is the provider's row. DefaultScopes is never nil; Issuer is IssuerTemplate if the provider has one
	// issuer per tenant; Narrowing is "none", "refresh", "exchange" or [NarrowingUnknown]; and RevocationForm is "" only if nothing
	// can be revoked. RegistrationSteps have the redirect URI in them.
	ProviderRow
}

// ProviderRow describes a provider. It is one row of the built-in table, one [providers.NAME] of config.toml, and most of
// what GET /v1/providers/{name} answers, each under the same names, which for endpoints and abilities are those of RFC
// 8414. A zero field means that the provider does nothing unusual, or that nothing is known.
type ProviderRow struct {
	// Title is the name for people; "" if it is the name. Note is a sentence on what else they should know.
	Title string `toml:"title" json:"title,omitempty"`
	Note  string `toml:"note" json:"note,omitempty"`
	// RegistrationURL is the page where clients are registered, and DocsURL the one that explains it. RegistrationSteps are
	// what to do there, one sentence each; {redirect_uri} in them stands for the redirect URI to register.
	RegistrationURL   string   `toml:"registration_url" json:"registration_url,omitempty"`
	DocsURL           string   `toml:"docs_url" json:"docs_url,omitempty"`
	RegistrationSteps []string `toml:"registration_steps" json:"registration_steps,omitempty"`
	// Tenant is what fills the place {tenant} in the URLs; "" if they have no such place, or if one has to be given.
	// TenantHint says what to give; "" if nothing has to be given.
	Tenant     string `toml:"tenant" json:"tenant,omitempty"`
	TenantHint string `toml:"tenant_hint" json:"tenant_hint,omitempty"`

	// Issuer is compared with iss (RFC 9207) and with the saved credential; "" if the provider has none, or one per tenant.
	// In the latter case IssuerTemplate is the issuer with {tenantid} in place of the tenant. IssuerAliases are other
	// spellings of Issuer in the provider's own ID tokens.
	Issuer         string   `toml:"issuer" json:"issuer,omitempty"`
	IssuerTemplate string   `toml:"issuer_template" json:"issuer_template,omitempty"`
	IssuerAliases  []string `toml:"issuer_aliases" json:"issuer_aliases,omitempty"`

	Endpoints
	// PushedAuthorizationEndpoint takes authorization requests (RFC 9126 §2). RequirePAR is true if the provider takes
	// them in no other way (§5).
	PushedAuthorizationEndpoint string `toml:"pushed_authorization_request_endpoint" json:"pushed_authorization_request_endpoint,omitempty"`
	RequirePAR                  bool   `toml:"require_pushed_authorization_requests" json:"require_pushed_authorization_requests,omitempty"`
	// RegistrationEndpoint registers clients (RFC 7591 §3).
	RegistrationEndpoint string `toml:"registration_endpoint" json:"registration_endpoint,omitempty"`
	// JWKSURI is where the keys are that sign ID tokens.
	JWKSURI string `toml:"jwks_uri" json:"jwks_uri,omitempty"`
	// IDTokenAlgorithms are the asymmetric algorithms that sign ID tokens; nil if the server does not say, empty if it has
	// none.
	IDTokenAlgorithms []string `toml:"id_token_signing_alg_values_supported" json:"id_token_signing_alg_values_supported,omitempty"`
	// RequireIss is true if every authorization response carries iss (RFC 9207 §3).
	RequireIss bool `toml:"authorization_response_iss_parameter_supported" json:"authorization_response_iss_parameter_supported,omitempty"`
	// NoNonce is true if ID tokens lack the nonce of the authorization request, against OpenID Connect Core 1.0 §2, so that
	// none is sent.
	NoNonce bool `toml:"no_nonce" json:"no_nonce,omitempty"`

	// Hosts are the patterns of the places that certainly belong to the provider, where an account that names none itself
	// may use its tokens.
	Hosts []string `toml:"hosts" json:"hosts,omitempty"`

	// ClientSecretRequired is true if a client without a secret gets no token through the redirect.
	ClientSecretRequired bool `toml:"client_secret_required" json:"client_secret_required"`
	// EmptySecret is true if a client without a secret authenticates by HTTP Basic all the same, with an empty password.
	// In a row of config.toml "client_secret_basic" alone says so, unless ClientSecretRequired.
	EmptySecret bool `toml:"empty_secret" json:"empty_secret,omitempty"`
	// BasicUnencoded is true if the server compares the credentials of HTTP Basic as they are, against RFC 6749 §2.3.1,
	// which form-encodes them first.
	BasicUnencoded bool `toml:"basic_unencoded" json:"basic_unencoded,omitempty"`

	// DefaultScopes are asked for if the person names none, OfflineScope always: it asks for a refresh token.
	DefaultScopes []string `toml:"default_scopes" json:"default_scopes"`
	OfflineScope  string   `toml:"offline_scope" json:"offline_scope,omitempty"`
	// AuthParams are extra parameters of the authorization request; those of an account win. MoreScopesParams are added if a
	// login asks for more scopes than one before, so that what was granted stays.
	AuthParams       map[string]string `toml:"auth_params" json:"auth_params,omitempty"`
	MoreScopesParams map[string]string `toml:"more_scopes_params" json:"more_scopes_params,omitempty"`

	// RedirectHost is "127.0.0.1", "[::1]" or "localhost", which listens on both families; "" means "127.0.0.1".
	RedirectHost string `toml:"redirect_host" json:"redirect_host,omitempty"`
	// RedirectPath is compared by providers; "" means "/callback".
	RedirectPath string `toml:"redirect_path" json:"redirect_path,omitempty"`
	// RedirectPort says whether the port is compared too: [RedirectPortAny], [RedirectPortFixed], or "" if that is not
	// known. A free port is then used, as in RFC 8252 §7.3.
	RedirectPort string `toml:"redirect_port" json:"redirect_port,omitempty"`

	// Rotation is what becomes of a refresh token that is used: "static", it stays as it is; "rotating", each use brings a
	// new one that replaces it; "none", there are no refresh tokens; "" if it is not known.
	Rotation string `toml:"rotation" json:"rotation,omitempty"`
	// NoRefreshToken says why there may be no refresh token, as one sentence.
	NoRefreshToken string `toml:"no_refresh_token" json:"no_refresh,omitempty"`
	// IdleLimit is how long the provider keeps a refresh token that is not used; 0 means forever, or not known.
	IdleLimit Span `toml:"idle_limit" json:"idle_limit,omitempty"`
	// TokenLifetime is how long access tokens last, whatever the token response says; 0 means as it says.
	TokenLifetime Span `toml:"token_lifetime" json:"token_lifetime,omitempty"`
	// RefreshKillsAccessToken is true if a refresh ends the access token handed out before.
	RefreshKillsAccessToken bool `toml:"refresh_kills_access_token" json:"refresh_kills_access_token"`
	// RedirectURIAtRefresh is true if a refresh request repeats the redirect URI of the login.
	RedirectURIAtRefresh bool `toml:"redirect_uri_at_refresh" json:"redirect_uri_at_refresh"`
	// RefreshScope is true if a refresh request names the granted scopes, because the server refuses one that does not, or
	// answers it with fewer.
	RefreshScope bool `toml:"refresh_scope" json:"refresh_scope,omitempty"`
	// Narrowing is how the provider gives a token of fewer scopes than were granted: "refresh", by a scope parameter in the
	// refresh request (RFC 6749 §6); "exchange", by a token exchange (RFC 8693), which also gives one for an audience or a
	// resource; "none", not at all, or not without harm; "" if it is not known.
	Narrowing string `toml:"narrowing" json:"narrowing"`
	// OneResourcePerToken is true if an access token is for one resource, which its scopes name. A grant of several gives
	// each in a token of its own.
	OneResourcePerToken bool `toml:"one_resource_per_token" json:"one_resource_per_token"`
	// LoginEndedErrors are the error codes by which a refresh is refused for good, beside those that mean it everywhere.
	LoginEndedErrors []string `toml:"login_ended_errors" json:"login_ended_errors,omitempty"`
	// RevocationForm is how the revocation endpoint is used: "rfc7009" or "", "github", "bearer" or "bearer_form".
	RevocationForm string `toml:"revocation_form" json:"revocation_form,omitempty"`

	// ScopeParameter is the parameter of the authorization request that holds the scopes; "" means "scope".
	ScopeParameter string `toml:"scope_parameter" json:"scope_parameter,omitempty"`
	// RequestScopeSeparator stands between scopes in the authorization request, ScopeSeparator in the token response; ""
	// means a space.
	RequestScopeSeparator string `toml:"request_scope_separator" json:"request_scope_separator,omitempty"`
	ScopeSeparator        string `toml:"scope_separator" json:"scope_separator,omitempty"`
	// ScopeAliases maps a scope to the name that the provider answers with.
	ScopeAliases map[string]string `toml:"scope_aliases" json:"scope_aliases,omitempty"`
	// ScopeParents maps a scope to the wider one that includes it and is answered in its place.
	ScopeParents map[string]string `toml:"scope_parents" json:"scope_parents,omitempty"`
	// ScopePrefix stands, in answers, before a scope that was asked for without a resource; "" if scopes are opaque.
	ScopePrefix string `toml:"scope_prefix" json:"scope_prefix,omitempty"`
	// ScopesFoldCase is true if scopes are answered in another case than they were asked for.
	ScopesFoldCase bool `toml:"scopes_fold_case" json:"scopes_fold_case,omitempty"`
	// ScopesNotEchoed are granted without ever being named in a response.
	ScopesNotEchoed []string `toml:"scopes_not_echoed" json:"scopes_not_echoed,omitempty"`

	// ErrorsIn200 is true if errors come with the status of a success.
	ErrorsIn200 bool `toml:"errors_in_200" json:"errors_in_200"`
	// TokenMember names the member of the token response that holds the token; "" if that is the response itself.
	TokenMember string `toml:"token_member" json:"token_member,omitempty"`
	// TokenType is what the token response says instead of Bearer.
	TokenType string `toml:"token_type" json:"token_type,omitempty"`
	// SubjectClaim and EmailClaim are the names in the userinfo answer; "" means "sub" and "email".
	SubjectClaim string `toml:"subject_claim" json:"subject_claim,omitempty"`
	EmailClaim   string `toml:"email_claim" json:"email_claim,omitempty"`
}

// Endpoints are a provider's endpoints under the names of RFC 8414. "" means that there is none, or that the issuer is
// asked.
type Endpoints struct {
	Authorization string `toml:"authorization_endpoint,omitempty" json:"authorization_endpoint,omitempty"`
	Token         string `toml:"token_endpoint,omitempty" json:"token_endpoint,omitempty"`
	Device        string `toml:"device_authorization_endpoint,omitempty" json:"device_authorization_endpoint,omitempty"`
	Revocation    string `toml:"revocation_endpoint,omitempty" json:"revocation_endpoint,omitempty"`
	Userinfo      string `toml:"userinfo_endpoint,omitempty" json:"userinfo_endpoint,omitempty"`
	// AuthMethod is the token_endpoint_auth_method of a client with a secret or key: "none", "client_secret_basic",
	// "client_secret_post" or "private_key_jwt"; "" for what the server advertises, or HTTP Basic.
	AuthMethod string `toml:"token_endpoint_auth_method,omitempty" json:"token_endpoint_auth_method,omitempty"`
}
