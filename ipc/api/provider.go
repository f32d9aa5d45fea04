package api

// The ways that a provider compares the port of a redirect URI, as far as that is known.
const (
	// RedirectPortAny: any port will do, and the redirect URI is registered without one (RFC 8252 §7.3).
	RedirectPortAny = "any"
	// RedirectPortFixed: the redirect URI is registered with its port.
	RedirectPortFixed = "fixed"
)

// Provider is what is known of an authorization server by name. Names of endpoints are those of RFC 8414; "" means that
// there is none, or that the issuer is asked at a login, see Discovered.
type Provider struct {
	Name string `json:"name"`
	// Title is the name for people, Note one more sentence for them; "" for none.
	Title string `json:"title,omitempty"`
	Note  string `json:"note,omitempty"`
	// BuiltIn is false for a provider of the person's own config.toml.
	BuiltIn bool `json:"built_in"`
	// Tenant is what stands in the URLs where each tenant has its own; "" where there are no tenants, or one has to be
	// given. TenantHint tells what to give; "" where there are none.
	Tenant     string `json:"tenant,omitempty"`
	TenantHint string `json:"tenant_hint,omitempty"`

	Issuer string `json:"issuer,omitempty"`
	// Discovered is true where the issuer's discovery document is read at a login.
	Discovered            bool   `json:"discovered"`
	AuthorizationEndpoint string `json:"authorization_endpoint,omitempty"`
	TokenEndpoint         string `json:"token_endpoint,omitempty"`
	DeviceEndpoint        string `json:"device_authorization_endpoint,omitempty"`
	RevocationEndpoint    string `json:"revocation_endpoint,omitempty"`
	UserinfoEndpoint      string `json:"userinfo_endpoint,omitempty"`
	PushedEndpoint        string `json:"pushed_authorization_request_endpoint,omitempty"`
	RegistrationEndpoint  string `json:"registration_endpoint,omitempty"`
	JWKSURI               string `json:"jwks_uri,omitempty"`

	// TokenEndpointAuthMethod is how a client with a secret authenticates; "" for what the server says, or HTTP Basic.
	TokenEndpointAuthMethod string `json:"token_endpoint_auth_method,omitempty"`
	// ClientSecretRequired is true where a client without a secret gets no token through the redirect.
	ClientSecretRequired bool `json:"client_secret_required"`
	// DefaultScopes are asked for where the person names none, OfflineScope always; AuthParams are extra parameters of the
	// authorization request.
	DefaultScopes []string          `json:"default_scopes"`
	OfflineScope  string            `json:"offline_scope,omitempty"`
	AuthParams    map[string]string `json:"auth_params,omitempty"`

	// RedirectURI is what to register at the provider. Where RedirectPort is [RedirectPortFixed] its port is a suggestion;
	// "" means that it is not known how the provider compares.
	RedirectURI  string `json:"redirect_uri"`
	RedirectPort string `json:"redirect_port,omitempty"`

	// Rotation is "static", "rotating" or "none"; "" where it is not known. NoRefresh says why there may be no refresh
	// token.
	Rotation  string `json:"rotation,omitempty"`
	NoRefresh string `json:"no_refresh,omitempty"`
	// IdleLimit is the number of seconds after which an unused refresh token ends; 0 where it does not, or where that is
	// not known.
	IdleLimit int64 `json:"idle_limit,omitempty"`
	// RefreshKillsAccessToken is true where a refresh ends the access token handed out before.
	RefreshKillsAccessToken bool `json:"refresh_kills_access_token"`
	RedirectURIAtRefresh    bool `json:"redirect_uri_at_refresh"`
	// Narrowing is "refresh" where a token of fewer scopes can be had, else "none".
	Narrowing           string `json:"narrowing"`
	OneResourcePerToken bool   `json:"one_resource_per_token"`
	// RevocationForm is "rfc7009", or the provider's own; "" where nothing can be revoked.
	RevocationForm string `json:"revocation_form,omitempty"`

	// ScopeParameter and RequestScopeSeparator are those of the authorization request, ScopeSeparator that of the token
	// response; "" for what RFC 6749 says.
	ScopeParameter        string            `json:"scope_parameter,omitempty"`
	RequestScopeSeparator string            `json:"request_scope_separator,omitempty"`
	ScopeSeparator        string            `json:"scope_separator,omitempty"`
	ScopeAliases          map[string]string `json:"scope_aliases,omitempty"`
	ScopeParents          map[string]string `json:"scope_parents,omitempty"`
	// TokenMember names the member of the token response that holds the token; "" for the response itself.
	TokenMember string `json:"token_member,omitempty"`
	ErrorsIn200 bool   `json:"errors_in_200"`
}
