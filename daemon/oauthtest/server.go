package oauthtest

import (
	"bytes"
	"crypto/ecdsa"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Values of [Client.AuthMethod] (RFC 7591 §2, token_endpoint_auth_method).
const (
	AuthNone  = "none"
	AuthBasic = "client_secret_basic"
	AuthPost  = "client_secret_post"
	// AuthPrivateKeyJWT is an assertion that one of [Client.Keys] has signed (RFC 7523 §2.2).
	AuthPrivateKeyJWT = "private_key_jwt"
)

// Config says what a [Server] is. The zero Config with an Issuer and a Client is useful.
type Config struct {
	// Issuer is the issuer identifier (RFC 8414 §2), such as http://127.0.0.1:8400; it may have a path, under which the
	// endpoints then lie.
	Issuer  string
	Clients []Client
	// User is the one person who logs in; zero means ada@example.com.
	User User
	// AccessTokenLifetime is rounded down to whole seconds in expires_in; 0 means one hour.
	AccessTokenLifetime time.Duration
	// IDTokenLifetime is rounded down to whole seconds; 0 means one hour.
	IDTokenLifetime time.Duration
	// Scopes are the supported ones; nil means openid profile email offline_access calendar.read calendar.write.
	Scopes []string
	// KeepRefreshTokens turns rotation off: a refresh token stays as it is and a refresh answers without one. Otherwise
	// each refresh gives a new one, and reuse of a spent one revokes the whole grant (RFC 9700 §4.14).
	KeepRefreshTokens bool
	// AlwaysRefreshToken gives a refresh token even where offline_access was not asked for.
	AlwaysRefreshToken bool
	// RefreshTokenOnce gives none while the person's earlier grant to the same client has one that was not revoked, unless
	// the authorization request says prompt=consent, as Google does. The device grant always gives one.
	RefreshTokenOnce bool
	// RefreshKillsAccessTokens lets a refresh end the access tokens its grant has given so far, as GitHub Apps and GitLab
	// do.
	RefreshKillsAccessTokens bool
	// RefreshNeedsRedirectURI refuses a refresh that does not repeat the redirect_uri of the authorization request, as
	// GitLab does. The refresh token stays as it is.
	RefreshNeedsRedirectURI bool
	// Revocation is the one form of revocation; only that of RFC 7009, the zero value, is in the metadata.
	Revocation RevocationForm
	// ServiceAccounts may use the JWT bearer grant as Google's do; nil means there is no such grant.
	ServiceAccounts []ServiceAccount
	// Exchange offers token exchanges (RFC 8693); nil means that there are none. Trusts are the issuers whose identity
	// assertions are taken for a grant (RFC 7523).
	Exchange *Exchange
	Trusts   []TrustedIssuer
	// AutoApprove answers authorization requests at once, without a page; see also [Server.DenyNext].
	AutoApprove bool
	// Device offers the device grant (RFC 8628); its codes live for DeviceLifetime (0 means 10 minutes) and are asked for
	// no more often than every DeviceInterval (0 means 5 s). Both are rounded down to whole seconds.
	Device         bool
	DeviceLifetime time.Duration
	DeviceInterval time.Duration
	// PAR offers pushed authorization requests (RFC 9126); RequirePAR takes authorization requests in no other way, and
	// implies PAR.
	PAR        bool
	RequirePAR bool
	// Registration lets native public clients register themselves (RFC 7591); see also [Server.ForgetClients].
	Registration bool
	// ClientMetadata are the documents of clients whose id is their URL (draft-ietf-oauth-client-id-metadata-document), by that
	// URL; nothing is fetched. nil means that there are no such clients. See also [Server.SetClientMetadata].
	ClientMetadata map[string]string
	// DPoP demands a proof of a key in every token request (RFC 9449), and binds what it gives to that: access tokens, the
	// refresh tokens of public clients, and codes whose authorization request had dpop_jkt.
	DPoP bool
	// DPoPNonces is how long a nonce is good for that the server gives for proofs, at the token endpoint and at resources; 0
	// means that it wants none.
	DPoPNonces time.Duration
	// DPoPSpendsFirst spends a code or a refresh token before it looks at the proof, which RFC 9449 does not forbid. Its
	// nonce comes with every answer of the token endpoint, as it does at some servers.
	DPoPSpendsFirst bool
	// Now is the clock; nil means [time.Now].
	Now func() time.Time
}

// Client is a registered client.
type Client struct {
	ID string
	// Name is shown on the consent page; "" means ID.
	Name string
	// Secret is "" for a public client.
	Secret string
	// RedirectURIs are compared exactly, but that an http one to 127.0.0.1, [::1] or localhost that is registered
	// without a port matches any port (RFC 8252 §7.3).
	RedirectURIs []string
	// AuthMethod is the one way this client authenticates; "" means [AuthPrivateKeyJWT] with Keys, [AuthNone] with neither
	// Keys nor Secret, else [AuthBasic].
	AuthMethod string
	// Keys are those the client's assertions may be signed with. Such an assertion has iss and sub the client's ID, aud the
	// token endpoint's URL or the issuer and nothing else, an exp at most an hour ahead, and a jti not used before.
	Keys []Key
	// GrantTypes are those the client may use; nil means all but client_credentials, which only a confidential client may
	// use that names it here.
	GrantTypes []string
	// Scopes are those the client may have by client_credentials; of others asked for it gets none, without an error while
	// one is left. nil means all of the server's. Those of OpenID Connect are about a person, and never given so.
	Scopes []string
}

// User is a person with an account at the server.
type User struct {
	Subject string
	Email   string
	Name    string
}

// Server is the authorization server. It is safe for concurrent use. Make one with [New].
type Server struct {
	cfg     Config
	prefix  string // the path of the issuer, without a slash at its end
	clients map[string]Client
	mux     *http.ServeMux

	mu         sync.Mutex // guards the fields below; never held while waiting
	key        *ecdsa.PrivateKey
	keyID      string
	user       User
	denyNext   bool
	registered map[string]Client
	documents  map[string]string // as Config.ClientMetadata
	pending    map[string]*authorizationRequest
	pushed     map[string]*pushedRequest
	devices    map[string]*deviceGrant // by device code
	codes      map[string]*code
	access     map[string]*accessToken
	refresh    map[string]*refreshToken
	scripts    map[Endpoint]*script
	requests   map[Endpoint]int
	resources  map[Endpoint][][]string
	grants     map[string]int
	assertions map[assertionID]time.Time // those used, until they expire
	proofs     map[string]time.Time      // the jti of those used, until they are too old
	nonces     map[string]time.Time      // when each was made
}

var _ http.Handler = (*Server)(nil)

// New returns a server for cfg with a signing key of its own.
func New(cfg Config) *Server {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.AccessTokenLifetime == 0 {
		cfg.AccessTokenLifetime = time.Hour
	}
	if cfg.IDTokenLifetime == 0 {
		cfg.IDTokenLifetime = time.Hour
	}
	if cfg.DeviceLifetime == 0 {
		cfg.DeviceLifetime = 10 * time.Minute
	}
	if cfg.DeviceInterval == 0 {
		cfg.DeviceInterval = 5 * time.Second
	}
	cfg.PAR = cfg.PAR || cfg.RequirePAR
	if cfg.Scopes == nil {
		cfg.Scopes = []string{"openid", "profile", "email", "offline_access", "calendar.read", "calendar.write"}
	}
	if cfg.User == (User{}) {
		cfg.User = User{Subject: "ada", Email: "ada@example.com", Name: "Ada"}
	}
	s := &Server{
		cfg:        cfg,
		prefix:     pathOf(cfg.Issuer),
		clients:    make(map[string]Client),
		mux:        http.NewServeMux(),
		user:       cfg.User,
		registered: make(map[string]Client),
		documents:  maps.Clone(cfg.ClientMetadata),
		pending:    make(map[string]*authorizationRequest),
		pushed:     make(map[string]*pushedRequest),
		devices:    make(map[string]*deviceGrant),
		codes:      make(map[string]*code),
		access:     make(map[string]*accessToken),
		refresh:    make(map[string]*refreshToken),
		scripts:    make(map[Endpoint]*script),
		requests:   make(map[Endpoint]int),
		resources:  make(map[Endpoint][][]string),
		grants:     make(map[string]int),
		assertions: make(map[assertionID]time.Time),
		proofs:     make(map[string]time.Time),
		nonces:     make(map[string]time.Time),
	}
	s.key, s.keyID = newKey()
	for _, c := range cfg.Clients {
		switch {
		case c.AuthMethod != "":
		case len(c.Keys) > 0:
			c.AuthMethod = AuthPrivateKeyJWT
		case c.Secret == "":
			c.AuthMethod = AuthNone
		default:
			c.AuthMethod = AuthBasic
		}
		s.clients[c.ID] = c
	}
	s.route(Authorize, s.authorize, s.prefix+"/authorize")
	s.route(Token, s.token, s.prefix+"/token")
	s.routeRevocation()
	s.route(Userinfo, s.userinfo, s.prefix+"/userinfo")
	s.route(JWKS, s.jwks, s.prefix+"/jwks")
	s.route(Hello, s.hello, s.prefix+"/api/hello")
	if cfg.Device {
		s.route(DeviceAuthorization, s.deviceAuthorization, s.prefix+"/device_authorization")
		s.route(DevicePage, s.devicePage, s.prefix+"/device")
	}
	if cfg.PAR {
		s.route(PAR, s.push, s.prefix+"/par")
	}
	if cfg.Registration {
		s.route(Registration, s.register, s.prefix+"/register")
	}
	if cfg.Exchange != nil && cfg.Exchange.Storage {
		s.route(TokenService, s.boundAccess, "/v1/token")
	}
	s.route(Discovery, s.discovery, s.discoveryPaths()...)
	return s
}

// Issuer returns the issuer identifier.
func (s *Server) Issuer() string { return s.cfg.Issuer }

// ServeHTTP implements [http.Handler].
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// route lets handler answer at paths, once the request is counted and unless the script says otherwise.
func (s *Server) route(e Endpoint, handler http.HandlerFunc, paths ...string) {
	for _, path := range paths {
		s.mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			// The body is read first: until then net/http does not notice that the client has gone.
			r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
			err := r.ParseForm()
			rest, tooLong := io.ReadAll(r.Body) // what is no form
			r.Body = io.NopCloser(bytes.NewReader(rest))
			next := s.arrived(e, r).apply(handler)
			if err != nil || tooLong != nil {
				next = answerError(oauthError{http.StatusBadRequest, "invalid_request", "the parameters cannot be read"})
			}
			next.ServeHTTP(w, r)
		})
	}
}

// url returns the address of an endpoint.
func (s *Server) url(path string) string { return strings.TrimSuffix(s.cfg.Issuer, "/") + path }

// pathOf returns the path of an issuer without a slash at its end.
func pathOf(issuer string) string {
	_, rest, _ := strings.Cut(issuer, "://")
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		return strings.TrimSuffix(rest[i:], "/")
	}
	return ""
}

// oauthError is an error response (RFC 6749 §5.2).
type oauthError struct {
	status      int
	code        string
	description string
}

func answerError(e oauthError) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if e.status == http.StatusUnauthorized {
			w.Header().Set("WWW-Authenticate", `Basic realm="oauthtest", charset="UTF-8"`)
		}
		writeJSON(w, e.status, map[string]string{"error": e.code, "error_description": e.description})
	})
}

// writeJSON answers with v; none of the server's answers may be kept by a cache (RFC 6749 §5.1).
func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Pragma", "no-cache")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

// allowed reports whether the request's method is one of methods, and answers 405 if it is not.
func allowed(w http.ResponseWriter, r *http.Request, methods ...string) bool {
	if slices.Contains(methods, r.Method) {
		return true
	}
	w.Header().Set("Allow", strings.Join(methods, ", "))
	http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
	return false
}
