package oauthtest

import (
	"net/http"
	"slices"
)

// metadata is the authorization server's metadata document (RFC 8414 §2, OpenID Connect Discovery §3).
type metadata struct {
	Issuer                string   `json:"issuer"`
	AuthorizationEndpoint string   `json:"authorization_endpoint"`
	TokenEndpoint         string   `json:"token_endpoint"`
	RevocationEndpoint    string   `json:"revocation_endpoint,omitempty"`
	UserinfoEndpoint      string   `json:"userinfo_endpoint"`
	JWKSURI               string   `json:"jwks_uri"`
	ScopesSupported       []string `json:"scopes_supported"`
	ResponseTypes         []string `json:"response_types_supported"`
	ResponseModes         []string `json:"response_modes_supported"`
	GrantTypes            []string `json:"grant_types_supported"`
	TokenAuthMethods      []string `json:"token_endpoint_auth_methods_supported"`
	RevocationAuthMethods []string `json:"revocation_endpoint_auth_methods_supported,omitempty"`
	CodeChallengeMethods  []string `json:"code_challenge_methods_supported"`
	IssParameter          bool     `json:"authorization_response_iss_parameter_supported"`
	SubjectTypes          []string `json:"subject_types_supported"`
	IDTokenAlgorithms     []string `json:"id_token_signing_alg_values_supported"`
	Claims                []string `json:"claims_supported"`
	RequestParameter      bool     `json:"request_parameter_supported"`
	// RequestURIParameter is said because a missing one means true (OpenID Connect Discovery §3).
	RequestURIParameter bool `json:"request_uri_parameter_supported"`

	// The algorithms have to be said where private_key_jwt is (RFC 8414 §2).
	TokenAuthAlgorithms      []string `json:"token_endpoint_auth_signing_alg_values_supported,omitempty"`
	RevocationAuthAlgorithms []string `json:"revocation_endpoint_auth_signing_alg_values_supported,omitempty"`

	DPoPAlgorithms []string `json:"dpop_signing_alg_values_supported,omitempty"`

	DeviceEndpoint       string `json:"device_authorization_endpoint,omitempty"`
	PAREndpoint          string `json:"pushed_authorization_request_endpoint,omitempty"`
	RequirePAR           bool   `json:"require_pushed_authorization_requests,omitempty"`
	RegistrationEndpoint string `json:"registration_endpoint,omitempty"`
	ClientMetadata       bool   `json:"client_id_metadata_document_supported,omitempty"`
}

// discoveryPaths are those of RFC 8414 §3.1 (inserted before the issuer's path) and of OpenID Connect Discovery §4
// (appended to it).
func (s *Server) discoveryPaths() []string {
	paths := []string{
		"/.well-known/oauth-authorization-server" + s.prefix,
		"/.well-known/openid-configuration" + s.prefix,
	}
	if s.prefix != "" {
		paths = append(paths, s.prefix+"/.well-known/openid-configuration")
	}
	return paths
}

func (s *Server) discovery(w http.ResponseWriter, r *http.Request) {
	if !allowed(w, r, http.MethodGet, http.MethodHead) {
		return
	}
	methods := s.authMethods()
	m := metadata{
		Issuer:                s.cfg.Issuer,
		AuthorizationEndpoint: s.url("/authorize"),
		TokenEndpoint:         s.url("/token"),
		UserinfoEndpoint:      s.url("/userinfo"),
		JWKSURI:               s.url("/jwks"),
		ScopesSupported:       s.cfg.Scopes,
		ResponseTypes:         []string{"code"},
		ResponseModes:         []string{"query", "form_post"},
		GrantTypes:            s.grantTypes(),
		TokenAuthMethods:      methods,
		CodeChallengeMethods:  []string{"S256"},
		IssParameter:          true,
		SubjectTypes:          []string{"public"},
		IDTokenAlgorithms:     []string{"ES256"},
		Claims:                []string{"iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "email", "email_verified", "name"},
		RequirePAR:            s.cfg.RequirePAR,
	}
	if slices.Contains(methods, AuthPrivateKeyJWT) {
		m.TokenAuthAlgorithms = assertionAlgorithms()
	}
	if s.cfg.DPoP {
		m.DPoPAlgorithms = []string{"ES256"}
	}
	if s.cfg.Revocation == RevocationRFC7009 {
		m.RevocationEndpoint = s.url("/revoke")
		m.RevocationAuthMethods, m.RevocationAuthAlgorithms = methods, m.TokenAuthAlgorithms
	}
	if s.cfg.Device {
		m.DeviceEndpoint = s.url("/device_authorization")
	}
	if s.cfg.PAR {
		m.PAREndpoint = s.url("/par")
	}
	if s.cfg.Registration {
		m.RegistrationEndpoint = s.url("/register")
	}
	m.ClientMetadata = s.cfg.ClientMetadata != nil
	writeJSON(w, http.StatusOK, m)
}

func (s *Server) grantTypes() []string {
	types := s.personalGrantTypes()
	if s.ownTokens() {
		types = append(types, clientCredentialsGrantType)
	}
	if s.cfg.ServiceAccounts != nil || s.cfg.Trusts != nil {
		types = append(types, jwtBearerGrantType)
	}
	if s.cfg.Exchange != nil {
		types = append(types, exchangeGrantType)
	}
	return types
}

// personalGrantTypes are those of tokens that a person has allowed.
func (s *Server) personalGrantTypes() []string {
	types := []string{"authorization_code", "refresh_token"}
	if s.cfg.Device {
		types = append(types, deviceGrantType)
	}
	return types
}

// authMethods are those that some client uses, so that what is advertised is never refused for want of a user.
func (s *Server) authMethods() []string {
	used := []string{}
	for _, method := range []string{AuthNone, AuthBasic, AuthPost, AuthPrivateKeyJWT} {
		inUse := method == AuthNone && (s.cfg.Registration || s.cfg.ClientMetadata != nil)
		for _, c := range s.clients {
			inUse = inUse || c.AuthMethod == method
		}
		if inUse {
			used = append(used, method)
		}
	}
	return used
}
